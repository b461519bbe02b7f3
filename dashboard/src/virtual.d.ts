declare module 'virtual:shapes' {
  const shapes: import('./shapes').Shapes;
  export default shapes;
}

/** The drawn countries: see shapes.ts beside vite.config.ts. */
export interface Shapes {
  width: number;
  height: number;
  /** Code of the country, its outline as an SVG path. A code may have several. */
  land: [code: string, path: string][];
  /** Countries too small to be seen: their middles. */
  dots: [code: string, x: number, y: number][];
}

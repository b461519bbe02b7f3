/** Keeps the keyboard's place: when what has the focus goes away, what is around it takes the focus. */
export function keepFocus(): void {
  let around: Element[] = [];
  addEventListener('focusin', ({ target }) => {
    around = [];
    for (let one = target as Element | null; one; one = one.parentElement) around.push(one);
  });
  new MutationObserver(() => {
    // A screen that comes later, or numbers: whatever is there first.
    if (document.activeElement !== document.body || (around[0]?.isConnected ?? true)) return;
    const next = around.find((one) => one.isConnected && one.matches('section,dialog,main,[aria-label]')) ?? document.querySelector('main');
    next?.setAttribute('tabindex', '-1');
    (next as HTMLElement | null)?.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
}

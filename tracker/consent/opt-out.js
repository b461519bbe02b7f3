// A page's own opt-out, for pages that are not of the collector's site. Loaded, deferred, after mayfly.consent.js:
//
//   <script defer src="https://collector.example/consent/opt-out.js"></script>
//
// mayfly.optOut(), on a click only, makes the page keep one constant cookie, `mayfly_opt_out=1`, for 13 months, and
// nothing is told from then on; mayfly.optIn() removes it. mayfly.optedOut tells which. Only this script reads it.
(() => {
  const page = document;

  const keep = (value, seconds) => {
    page.cookie = `mayfly_opt_out=${value};path=/;max-age=${seconds};samesite=lax${location.protocol == 'https:' ? ';secure' : ''}`;
    tell();
  };

  const tell = () => {
    const { mayfly } = self;
    if (!mayfly?.consent) return;
    mayfly.optOut = () => keep(1, 34128000);
    mayfly.optIn = () => keep('', 0);
    mayfly.consent(!(mayfly.optedOut = /(^|; )mayfly_opt_out=1(;|$)/.test(page.cookie)));
  };

  // While a page is prerendered, the tracker is not there yet.
  page.addEventListener('prerenderingchange', tell);
  tell();
})();

// Tells the tracker what a visitor has said to CookieYes. Loaded, deferred, after mayfly.consent.js:
//
//   <script defer src="https://collector.example/consent/cookieyes.js"></script>
//
// CookieYes remembers; this asks it (getCkyConsent) and listens to it (cookieyes_banner_load,
// cookieyes_consent_update, both at the document). Only a choice that was made counts, and only of the category
// `analytics`, or the one that data-category names. What cannot be read is a no.
(() => {
  const page = document;
  const category = page.currentScript.dataset.category || 'analytics';

  const tell = (given) => self.mayfly?.consent?.(!!given);
  const read = (said) => tell(said?.isUserActionCompleted && said.categories?.[category]);
  const ask = () => self.getCkyConsent && read(getCkyConsent());

  page.addEventListener('cookieyes_banner_load', ({ detail }) => read(detail));
  page.addEventListener('cookieyes_consent_update', ({ detail }) => tell(detail?.accepted?.includes(category)));
  // While a page is prerendered, the tracker is not there yet.
  page.addEventListener('prerenderingchange', ask);
  ask();
})();

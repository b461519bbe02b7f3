// Loads the tracker as a page of a site does, and says what happened: on the page, and to the set-up screen that
// shows it in a frame. Keeps nothing.
(() => {
  const WORDS = {
    loaded: 'The script was loaded.',
    'not-loaded': 'The script was not loaded: something between this browser and the server blocks it.',
    answered: 'The server answered what the script sent. The set-up screen says what it would make of it.',
    refused: 'The server did not take what the script sent.',
    'not-sent': 'What the script sent did not reach the server: something in between blocks it.',
  };
  const tell = (what) => {
    const line = document.createElement('li');
    line.textContent = WORDS[what];
    document.querySelector('ol').append(line);
    if (parent !== window) parent.postMessage({ mayfly: what }, location.origin);
  };

  const send = window.fetch;
  window.fetch = (...message) => {
    const sent = send(...message);
    sent.then((answer) => tell(answer.ok ? 'answered' : 'refused'), () => tell('not-sent'));
    window.fetch = send;
    return sent;
  };

  const script = document.createElement('script');
  script.dataset.site = new URLSearchParams(location.search).get('site') ?? '';
  script.onload = () => tell('loaded');
  script.onerror = () => tell('not-loaded');
  script.src = '/mayfly.js';
  document.head.append(script);
})();

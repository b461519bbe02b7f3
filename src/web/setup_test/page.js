// Loads the tracker as a page of a site does, and says what happened: on the page, and to the set-up screen that
// shows it in a frame. Keeps nothing.
(() => {
  const WORDS = {
    en: {
      title: 'Trying the script',
      loaded: 'The script was loaded.',
      'not-loaded': 'The script was not loaded: something between this browser and the server blocks it.',
      answered: 'The server answered what the script sent. The set-up screen says what it would make of it.',
      refused: 'The server did not take what the script sent.',
      'not-sent': 'What the script sent did not reach the server: something in between blocks it.',
    },
    de: {
      title: 'Das Skript wird probiert',
      loaded: 'Das Skript wurde geladen.',
      'not-loaded': 'Das Skript wurde nicht geladen: Etwas zwischen diesem Browser und dem Server hält es auf.',
      answered: 'Der Server hat beantwortet, was das Skript sandte. Was er daraus machen würde, steht bei der Einrichtung.',
      refused: 'Der Server hat nicht angenommen, was das Skript sandte.',
      'not-sent': 'Was das Skript sandte, kam nicht beim Server an: Etwas dazwischen hält es auf.',
    },
    fr: {
      title: 'Essai du script',
      loaded: 'Le script a été chargé.',
      'not-loaded': 'Le script n’a pas été chargé\u202f: quelque chose le bloque entre ce navigateur et le serveur.',
      answered: 'Le serveur a répondu à ce que le script a envoyé. L’écran d’installation dit ce qu’il en ferait.',
      refused: 'Le serveur n’a pas accepté ce que le script a envoyé.',
      'not-sent': 'Ce que le script a envoyé n’est pas arrivé au serveur\u202f: quelque chose le bloque en chemin.',
    },
  };
  // As the dashboard's: what was chosen there, else what the browser likes best.
  const chosen = /(?:^|; )mayfly_language=(\w+)/.exec(document.cookie)?.[1];
  const liked = navigator.languages.map((one) => one.slice(0, 2));
  const language = [chosen, ...liked].find((one) => Object.hasOwn(WORDS, one ?? '')) ?? 'en';
  const words = WORDS[language];
  document.documentElement.lang = language;
  document.title = `Mayfly: ${words.title}`;
  document.querySelector('h1').textContent = words.title;

  const tell = (what) => {
    const line = document.createElement('li');
    line.textContent = words[what];
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

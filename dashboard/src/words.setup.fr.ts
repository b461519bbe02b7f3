/** Les textes de la recherche de ce pourquoi rien n’arrive, en français. */
import type { Advice } from './words.setup';

export const title = 'Est-ce que cela marche ?';
export const lead = 'Mayfly essaie le script dans ce navigateur, puis regarde ce que la page du site envoie. Un essai n’est pas compté, et rien n’en est enregistré.';
export const begin = 'Essayer';
export const again = 'Essayer encore';
export const trying = 'Essai du script dans ce navigateur';
export const good = 'Marche';
export const bad = 'Ne marche pas';
export const settings = 'Réglages';
export const undo = 'À la page d’opposition';

export const pageTitle = 'La page du site';
export const pageLead = 'Ouvrir une page qui contient la ligne, avec une marque dans son adresse par laquelle Mayfly la reconnaît.';
export const pageLabel = 'Adresse de la page';
export const open = 'L’ouvrir avec la marque';
export const waitingForPage = 'Attente de ce que la page envoie';

export const well = {
  server: 'Le serveur prend les requêtes.',
  script: 'Ce navigateur charge le script.',
  sent: 'Ce que le script envoie reçoit une réponse.',
  outcome: 'Une page vue de ce navigateur serait comptée.',
  page: (host: string) => `La page sur ${host} serait comptée.`,
};

export const wrong = {
  server: { what: 'Le serveur ne prend aucune requête en ce moment.', then: 'Son disque ou son journal a un problème : /api/health et le journal du serveur disent lequel.' },
  proxy: {
    what: 'Devant le serveur se trouve un proxy auquel il ne se fie pas : tous les visiteurs derrière lui en paraissent un seul.',
    then: 'Nommer l’adresse du proxy dans le réglage trusted_proxies, et redémarrer le serveur.',
  },
  script: (origin: string) => ({
    what: 'Ce navigateur ne charge pas le script.',
    then: `Un bloqueur de contenu, ou un filtre du réseau, arrête ${origin}/mayfly.js. L’autoriser, ou essayer un autre navigateur. Les visiteurs qui le bloquent ne sont pas comptés.`,
  }),
  sent: (origin: string) => ({
    what: 'Ce que le script envoie n’arrive pas.',
    then: `Un bloqueur de contenu, un filtre du réseau, ou un proxy qui ne laisse passer aucun POST arrête ${origin}/api/event.`,
  }),
  refused: { what: 'Le serveur n’a pas pris ce que le script a envoyé.', then: 'Il a peut-être trop à faire. Essayer encore ; si cela reste, le journal du serveur dit pourquoi.' },
  lost: {
    what: 'Ce que le script a envoyé a reçu une réponse, mais pas de ce serveur.',
    then: 'Quelque chose entre les deux répond à sa place : regarder les règles du proxy pour /api/event.',
  },
  silent: (host: string) => ({
    what: `Rien n’est venu de la page sur ${host}.`,
    then: 'L’une de ces raisons est la bonne ; la console du navigateur, sur cette page, dit laquelle :',
  }),
};
export const silence = (consent: boolean) => [
  'La ligne n’est pas dans la page : chercher data-site dans son code source. Un cache sert peut-être encore la page d’avant.',
  'La Content-Security-Policy de la page l’interdit (la console dit « Refused to load » ou « violates »). À y ajouter :',
  'Un bloqueur de contenu l’arrête seulement sur les pages d’autres domaines (la console dit ERR_BLOCKED_BY_CLIENT). Servir Mayfly sous le domaine du site.',
  ...(consent ? ['Le site demande un consentement, et il n’a pas été donné sur cette page.'] : []),
];

export const outcomes: Record<string, Advice> = {
  bot: { what: 'Le navigateur dit qu’il est un programme : un robot connu.', then: 'Regarder avec un navigateur ordinaire. Les programmes qui testent ou surveillent les pages ne sont pas comptés.' },
  gpc: {
    what: 'Le navigateur s’oppose à être compté : il envoie Global Privacy Control ou Do Not Track.',
    then: 'C’est donc comme il se doit. Pour se voir soi-même, prendre un navigateur qui ne s’oppose pas. Les signaux respectés sont un réglage.',
  },
  opted_out: { what: 'Dans ce navigateur, quelqu’un s’est opposé à être compté.', then: 'Cela se reprend sur la page d’opposition.' },
  excluded: { what: 'Le réseau, l’hôte ou la page est exclu comme trafic interne.', then: 'Voir le trafic interne dans les réglages.' },
  unknown_site: { what: 'La ligne de la page nomme un site que ce serveur n’a pas.', then: 'Copier la ligne ci-dessus telle quelle.' },
  host_not_allowed: { what: 'La page est sur un hôte qui n’est pas un hôte de ce site.', then: 'L’ajouter aux hôtes dans les réglages.' },
  undeclared_event: { what: 'L’événement n’est pas déclaré.', then: 'Le déclarer dans les réglages ; les plus fréquents y sont proposés.' },
  no_visit: { what: 'Un temps de lecture est venu sans page vue avant lui.', then: 'Rien à faire : une page est restée ouverte au passage de minuit ou d’un redémarrage.' },
  rate_limited: { what: 'Un réseau envoie plus qu’il ne peut.', then: 'Un test de charge, ou beaucoup de monde derrière une adresse : voir address_rate dans les réglages du serveur.' },
  malformed: { what: 'Ce qui a été envoyé est illisible.', then: 'Un programme du site l’envoie : sa forme est dans docs/API.md.' },
  too_large: { what: 'Ce qui a été envoyé est trop grand.', then: 'Voir max_body dans les réglages du serveur.' },
  overloaded: { what: 'Le serveur avait trop à faire.', then: 'L’expéditeur l’a su et peut essayer encore. Le journal en dit plus.' },
  late: { what: 'Cela est venu après la clôture de sa journée.', then: 'Rien à faire : cela arrive autour de minuit.' },
  spam: { what: 'La page a été atteinte depuis une adresse de spam connue.', then: 'Rien à faire.' },
  ignored: { what: 'Cela ne dit rien que Mayfly compte.', then: 'Rien à faire.' },
};
export const namesOther = (named: string) => ({ what: `La ligne de la page nomme un autre site de ce serveur : ${named}.`, then: 'Ses visites y sont comptées. Copier la ligne ci-dessus.' });
export const namesUnknown = (named: string) => ({ what: `La ligne de la page nomme « ${named} », et ce serveur n’a pas un tel site.`, then: 'Copier la ligne ci-dessus telle quelle.' });
export const foreignHost = (host: string) => ({ what: `La page est sur ${host}, qui n’est pas un hôte de ce site.`, then: 'L’ajouter aux hôtes dans les réglages.' });

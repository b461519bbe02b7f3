/** Les textes du second script, en français. */

export const shortcutList = [
  ['D', 'Aujourd’hui'], ['E', 'Hier'], ['R', 'En ce moment'], ['W', '7 derniers jours'], ['F', '28 derniers jours'], ['T', '30 derniers jours'],
  ['N', '91 derniers jours'], ['M', 'Ce mois-ci'], ['P', 'Mois dernier'], ['Y', 'Cette année'], ['L', '12 derniers mois'],
  ['A', 'Tout ce qui est gardé'], ['C', 'Autre période'], ['← →', 'Période précédente, suivante'], ['I', 'Pas du graphique'], ['X', 'Comparaison'],
  ['1–9', 'Site'], ['/', 'Rechercher, filtrer'], ['Esc', 'Fermer, sinon retirer les filtres'], ['?', 'Cette liste'],
] as [string, string][];
export const outcome = {
  bot: 'robot connu', gpc: 's’oppose (Global Privacy Control ou Do Not Track)', opted_out: 's’est opposé', excluded: 'trafic interne, exclu',
  unknown_site: 'site inconnu', host_not_allowed: 'l’hôte de la page n’est pas un hôte de ce site', undeclared_event: 'événement non déclaré',
  no_visit: 'engagement sans visite', rate_limited: 'trop de requêtes d’une adresse', malformed: 'mal formé',
  too_large: 'trop grand', overloaded: 'surchargé', late: 'sa journée était close', spam: 'référent de spam', ignored: 'ne compte pas, à dessein',
} as Record<string, string>;
export const noScript = 'Pour les navigateurs sans script';
export const noScriptHint = 'À placer dans le corps (body), avec le chemin de la page au lieu de PATH. Ne compte que les vues.';
export const optOut = 'Un lien pour les visiteurs qui s’opposent';
export const optOutWorks = 'À lier depuis la politique de confidentialité. Les navigateurs transmettent le choix depuis toutes les pages de ce site.';
export const optOutFails = 'Ce site a des pages sur un autre domaine que ce serveur, et de là les navigateurs ne transmettent pas le choix. Utiliser plutôt le script d’opposition (docs/API.md), ou servir le collecteur sous le domaine du site.';
export const causeList = [
  'La page n’a pas été rechargée après l’ajout de la ligne, ou un cache sert encore l’ancienne.',
  'L’hôte de la page n’est pas parmi les hôtes du site.',
  'Un bloqueur de contenu, ou une Content-Security-Policy sans ce serveur, arrête le script.',
  'Le navigateur envoie Global Privacy Control ou Do Not Track : ces visiteurs ne sont pas comptés.',
];
export const mapOf = (metric: string) => `Carte des pays, par ${metric}`;
export const mapHelp = 'Pointer un pays, ou se déplacer avec les flèches ; Entrée filtre.';
export const notOnMap = (list: string) => `Pas sur la carte : ${list}`;
export const p = {
  title: 'Ce qui est enregistré',
  lead: (site: string) => `Ce qu’il y a en ce moment sur les visiteurs de ${site}, et ce qu’on peut leur en dire.`,
  public: 'La page pour les visiteurs',
  everything: 'Télécharger tout ce qui est enregistré sur ce site :',
  storeTitle: 'Dans la base de données',
  rowsIn: (n: string, a: string, b: string, days: number) => `${n} lignes de sommes, du ${a} au ${b}, ${days} ${days < 2 ? 'jour clos' : 'jours clos'}.`,
  nothing: 'Rien n’est encore enregistré.',
  retention: (n: number) => `Gardé ${n} mois.`,
  attribute: 'Attribut',
  columns: ['Lignes qui le disent', 'Premier jour', 'Dernier jour', 'Plus petit groupe'],
  people: (n: number) => `${n} ${n < 2 ? 'visiteur' : 'visiteurs'}`,
  smallestHint: 'Le plus petit groupe est le moins de visiteurs qu’une ligne de son genre compte, un jour clos quelconque. Les lignes de pages, de sources, d’événements et de parcours ne portent aucun attribut d’un visiteur et n’ont pas besoin de groupe.',
  names: {
    page: 'Page, avec son heure', source: 'Source', utm_source: 'Source de campagne', utm_medium: 'Support de campagne', utm_campaign: 'Campagne',
    country: 'Pays', region: 'Région', city: 'Ville', browser: 'Navigateur', browser_version: 'Version du navigateur', os: 'Système',
    os_version: 'Version du système', device: 'Type d’appareil', language: 'Langue', event: 'Événement déclaré', flow: 'Page suivante',
  } as Record<string, string>,
  how: {
    page: () => 'seule', source: () => 'seule, chaque source',
    visit: (k: number) => (k > 1 ? `par groupes avec lesquels ${k} visiteurs ont commencé` : 'non groupé'),
    place: (k: number) => (k > 1 ? `par groupes d’au moins ${k}, après la journée` : 'non groupé'),
    device: (k: number) => (k > 1 ? `par groupes d’au moins ${k}, après la journée` : 'non groupé'),
    language: (k: number) => (k > 1 ? `par groupes d’au moins ${k}, après la journée` : 'non groupé'),
  } as Record<string, (k: number) => string>,
  off: (kept: Record<string, boolean> | object) => {
    const names = { region: 'région', city: 'ville', versions: 'versions', language: 'langue' };
    const off = Object.entries(names).filter(([key]) => !(kept as Record<string, boolean>)[key]).map(([, name]) => name);
    return off.length ? `Non collecté : ${off.join(', ')}.` : '';
  },
  memoryTitle: 'En mémoire maintenant',
  open: (day: string, n: number, bytes: string, salt: boolean) =>
    `${day} : ${n} ${n < 2 ? 'clé de visiteur' : 'clés de visiteurs'} et ce qu’ils ont vu (${bytes} octets)${salt ? ', et le sel du jour' : ' ; le sel est effacé'}.`,
  erased: (time: string, zone: string) => `Effacé au plus tard le ${time} (${zone}).`,
  noDay: 'Aucune journée n’est ouverte : rien des visiteurs n’est en mémoire.',
  elsewhere: (node: number, day: string) => `Le collecteur ${node} tient ${day}.`,
  silent: (node: number) => `Le collecteur ${node} ne répond pas : ce qu’il tient n’est pas connu ici.`,
  restart: 'Un redémarrage garde le sel et les clés, dans un répertoire en mémoire.',
  noRestart: 'Un redémarrage oublie le sel et les clés.',
  locked: 'Les sels sont tenus hors de l’échange (swap).',
  notLocked: 'Le système n’a pas permis de tenir les sels hors de l’échange (swap).',
  codeTitle: 'Ce que le code fait d’une visite',
  code: (settings: { k: number; vitals: boolean; kept: Record<string, boolean> | object; objection: { gpc: boolean; dnt: boolean } }) => {
    const kept = settings.kept as Record<string, boolean>;
    const place = ['pays', kept.region && 'région', kept.city && 'ville'].filter(Boolean).join(', ');
    const signals = [settings.objection.gpc && 'Global Privacy Control', settings.objection.dnt && 'Do Not Track'].filter(Boolean).join(' et ');
    return [
      ['Lit', [
        signals ? `${signals}, avant toute chose` : 'Aucun signal d’opposition n’est respecté',
        'L’adresse réseau et l’agent utilisateur, le temps de répondre à la requête',
        'La page, l’hôte du référent, les marques de campagne, les événements déclarés, le temps de lecture et le défilement',
        ...(kept.language ? ['La première langue acceptée'] : []),
        ...(settings.vitals ? ['Le délai d’affichage, le délai de réponse et la stabilité de la page : bon, à améliorer ou mauvais'] : []),
      ]],
      ['Garde', [
        'Des sommes par page et par heure',
        'Des sommes par source et par campagne',
        `Des sommes par ${place}`,
        `Des sommes par navigateur, système et type d’appareil${kept.versions ? ', avec leurs versions' : ''}`,
        ...(kept.language ? ['Des sommes par langue'] : []),
      ]],
      ['Ne garde jamais', [
        'Les adresses réseau et les agents utilisateurs',
        'Des cookies, du stockage ou des propriétés de l’appareil : le script n’en pose ni n’en lit',
        'Des identifiants de visiteurs, quelle que soit leur longueur',
        'Deux parmi l’heure, la source, le lieu et l’appareil dans une même ligne',
        'Quoi que ce soit qui relie un jour au suivant',
      ]],
    ] as [string, string[]][];
  },
  ledgerTitle: 'Le registre : ce qu’il est advenu de chaque requête',
  ledger: (n: string, a: string, b: string) => `${n} requêtes, du ${a} au ${b}.`,
  objectors: (n: string) => `Les oppositions sont comptées en une ligne pour tous les sites de ce serveur : ${n} avant aujourd’hui.`,
  outcome: 'Issue',
  requests: 'Requêtes',
  accepted: { accepted: 'compté' } as Record<string, string>,
  verifyTitle: 'Dernière vérification',
  notVerified: 'Rien n’a encore été vérifié. Le serveur regarde une fois par jour ; pour regarder maintenant, lancer',
  results: { ok: 'En ordre', warning: 'Avertissement', breach: 'Violation', not_seen: 'Non vu' } as Record<string, string>,
  verified: (at: string, by: string) => `${at}, par ${by}.`,
  verifyHint: 'Le rapport entier, à conserver :',
  policyTitle: 'Le texte pour les visiteurs',
  policyHint: 'Produit à partir des réglages en vigueur. Compléter les passages marqués, le mettre sur le site, et le reprendre quand un réglage change. Des faits, pas un conseil juridique.',
  language: 'Langue',
  format: 'Forme',
  formats: { markdown: 'Markdown', fragment: 'HTML', text: 'Texte brut', json: 'JSON' },
};
export const keptNames = { region: 'Région', city: 'Ville', versions: 'Versions du navigateur et du système', language: 'Langue' };
export const stepNames = { page: 'Page', section: 'Section', event: 'Événement' };
export const screenNames = { setup: 'Installation', settings: 'Réglages', privacy: 'Vie privée' };
export const s = {
  general: 'Général',
  hosts: 'Hôtes',
  hostsHint: 'Un par ligne ; *.example.com admet les sous-domaines',
  zone: 'Fuseau horaire',
  k: 'Taille des groupes k',
  kHint: 'Une ligne qui dit où sont les visiteurs ou ce qu’ils utilisent en compte au moins autant. 1 désactive le regroupement.',
  midnight: 'Change au prochain minuit',
  pending: 'En attente de minuit :',
  retention: 'Mois de conservation',
  retentionHint: 'Les lignes publiées plus anciennes sont effacées',
  kept: 'Attributs gardés',
  keptHint: 'Pays, navigateur, système et type d’appareil sont toujours gardés',
  region: 'Région',
  city: 'Ville',
  versions: 'Versions du navigateur et du système',
  language: 'Langue',
  objection: 'Oppositions respectées',
  gpc: 'Global Privacy Control',
  dnt: 'Do Not Track',
  consent: 'Consentement',
  consentNone: 'Non demandé',
  consentRequired: 'Ne compter qu’après consentement',
  consentHint: 'Change le script de l’installation : mettre le nouveau dans les pages',
  vitals: 'Signaux web essentiels',
  vitalsHint: 'Délai d’affichage, délai de réponse et stabilité des pages : bon, à améliorer ou mauvais. Un second script de l’installation le dit',
  excluded: 'Trafic interne, non compté',
  networks: 'Réseaux',
  networksHint: 'Un par ligne, par exemple 192.0.2.0/24',
  exHosts: 'Hôtes exclus',
  exPaths: 'Chemins exclus',
  paths: 'Chemins',
  parameters: 'Paramètres de requête gardés',
  parametersHint: 'Un par ligne ; tous les autres sont retirés',
  rules: 'Règles de chemins',
  rulesHint: 'Une par ligne : /user/*/edit -> /user/:id/edit. La première qui convient l’emporte.',
  sections: 'Sections',
  sectionsHint: 'Un motif par ligne, par exemple /blog/*. Une section est comptée comme une page à part.',
  events: 'Événements',
  eventsHint: 'Seul ce qui est déclaré ici est compté ; tout le reste est refusé sans être lu.',
  eventName: 'Nom de l’événement',
  interactive: 'Met fin à un rebond',
  once: 'Une fois par visite',
  currency: 'Devise',
  property: 'Propriété',
  addProperty: 'Ajouter une propriété',
  addEvent: 'Ajouter un événement',
  values: 'Valeurs',
  valuesHint: 'Séparées par des virgules',
  list: 'Liste',
  pattern: 'Motif',
  characters: 'Caractères',
  min: 'Plus court',
  max: 'Plus long',
  cap: 'Distinctes par jour',
  goals: 'Objectifs',
  goalName: 'Nom de l’objectif',
  reachedBy: 'Atteint par',
  addGoal: 'Ajouter un objectif',
  funnels: 'Entonnoirs',
  funnelsHint: 'De 2 à 8 étapes, dans l’ordre, au cours d’une visite. Le compte commence à la déclaration.',
  funnelName: 'Nom de l’entonnoir',
  step: 'Étape',
  addStep: 'Ajouter une étape',
  addFunnel: 'Ajouter un entonnoir',
  page: 'Page',
  section: 'Section',
  event: 'Événement',
  proposals: 'Propositions',
  proposalsHint: 'Textes non déclarés qu’au moins k visiteurs ont envoyés aujourd’hui. Ils ne sont qu’en mémoire et disparaissent à minuit.',
  noProposals: 'Aucune aujourd’hui.',
  declare: 'Déclarer',
  by: (n: string) => `par ${n} visiteurs`,
};
export const signedInAs = (name: string, role: string) => `Connecté : ${name} (${role})`;
export const version = (v: string) => `Mayfly ${v}`;
export const funnelRate = (rate: string) => `${rate} de la première à la dernière étape`;
export const funnelStep = 'de l’étape d’avant';
export const funnelLeft = (n: string) => `${n} ne sont pas allées plus loin`;
export const funnelSince = (day: string) => `Compté depuis le ${day}`;
export const funnelBegan = 'visites commencées';
export const replaces = (name: string) => `Remplace le filtre ${name} : ils sont enregistrés à part.`;
export const savedPending = 'Enregistré. Fuseau, k et attributs gardés changent au prochain minuit.';
export const conflict = 'Quelqu’un d’autre a changé les réglages entre-temps. Recharger pour les voir.';
export const saved = 'Enregistré.';
export const notSaved = 'Non enregistré.';
export const reload = 'Recharger';
export const people = {
  title: 'Personnes',
  lead: 'Qui lit ces sites, qui les modifie, et à qui appartient cette installation.',
  name: 'Personne',
  may: 'Peut',
  roles: { viewer: 'Lecture', admin: 'Administration', owner: 'Propriété' },
  rolesHint: 'La lecture permet de lire. L’administration change aussi les réglages, les clés et les personnes de ses sites. La propriété permet tout.',
  everything: 'tout',
  noSite: 'Aucun site',
  you: 'ce compte',
  factorOn: 'second facteur',
  roleOf: (name: string, site: string) => `Rôle de ${name} sur ${site}`,
  none: 'Aucun rôle',
  readOnly: 'Lecture seule : s’adresser à qui administre ce site.',
  makeOwner: 'Donner la propriété',
  noOwner: 'Retirer la propriété',
  remove: 'Retirer',
  sure: (name: string) => `Retirer ${name} ? Toutes ses connexions prendront fin.`,
  invite: 'Inviter',
  inviteTitle: 'Inviter quelqu’un',
  install: 'Cette installation',
  role: 'Rôle',
  once: 'Envoyer ce lien à une seule personne. Il sert une fois, pendant une semaine, et n’est montré que maintenant.',
  open: 'Invitations ouvertes',
  takeBack: 'Reprendre',
  invitedTo: (role: string, site: string | null) => (site ? `${role} de ${site}` : role),
  invited: (by: string, until: string) => `par ${by}, jusqu’au ${until}`,
  audit: 'Ce qui a été fait',
  auditLead: 'Heures en UTC. Les 1 000 dernières entrées.',
  columns: ['Quand', 'Qui', 'Quoi', 'Pour qui', 'Site'],
  times: (n: number) => `${n} fois`,
};
export const join = {
  title: 'Une invitation',
  to: (by: string, role: string, site: string | null) => (site ? `${by} vous invite : ${role} de ${site}.` : `${by} vous invite à partager la propriété de cette installation.`),
  as: (name: string) => `Accepter en tant que ${name}`,
  accept: 'Accepter',
  known: 'Déjà un compte ici ? Se connecter d’abord, puis rouvrir le lien.',
};
export const me = {
  changePassword: 'Changer le mot de passe',
  current: 'Mot de passe actuel',
  fresh: 'Nouveau mot de passe',
  changed: 'Le mot de passe est changé, et toutes les autres connexions ont pris fin.',
  signIns: 'Connexions',
  signInsHint: 'Heures en UTC, à l’heure près. Seul le type de navigateur est gardé, aucune adresse.',
  unknown: 'Navigateur inconnu',
  this: 'ce navigateur',
  used: (began: string | null, last: string) => (began ? `depuis ${began}, utilisée pour la dernière fois ${last}` : `utilisée pour la dernière fois ${last}`),
  end: 'Terminer',
  endOthers: 'Terminer toutes les autres',
  factor: 'Second facteur',
  factorOff: 'Désactivé. Activé, la connexion demande six chiffres d’une application d’authentification en plus du mot de passe.',
  factorOn: (left: number) => `Activé. Il reste ${left} ${left < 2 ? 'code de secours' : 'codes de secours'}.`,
  on: 'Activer',
  off: 'Désactiver',
  scan: 'Scanner ceci avec l’application, ou y saisir le secret. Puis entrer les six chiffres qu’elle montre.',
  qr: 'Code QR contenant le secret',
  code: 'Six chiffres',
  confirm: 'Confirmer',
  recovery: 'Codes de secours. Chacun connecte une fois, sans l’application. À garder loin d’elle : ils ne sont montrés que maintenant.',
  codeOrRecovery: 'Six chiffres de l’application, ou un code de secours',
};

/** Les textes de la page en français. Devant ; : ! ? et % se tient une espace fine insécable. */

export const language = 'fr' as 'en' | 'de' | 'fr';
export const locale = 'fr-FR';
export const amid = (label: string) => label.toLowerCase();
export const units = [[1e3, ' k'], [1e6, ' M'], [1e9, ' Md']] as [number, string][];
export const hours = ' h';
export const minutes = ' min';
export const seconds = ' s';
export const below = '< ';
export const above = '> ';
export const points = ' pts';
export const fromZero = 'depuis 0';
export const weekOf = (day: string) => `Semaine du ${day}`;
export const rowNames = {
  Direct: 'Direct', 'Organic Search': 'Recherche naturelle', 'Paid Search': 'Recherche payante', 'Organic Social': 'Réseaux sociaux',
  'Paid Social': 'Réseaux sociaux payants', 'AI Assistants': 'Assistants IA', Email: 'E-mail', Referral: 'Sites référents', Display: 'Bannières',
  Affiliates: 'Affiliation', Video: 'Vidéo', Campaign: 'Campagne', '(continued)': '(suite)',
  desktop: 'Ordinateur', mobile: 'Téléphone', tablet: 'Tablette', other: 'Autre', '(none)': '(aucun)', '(other)': '(autres)',
} as Record<string, string>;
export const silent = 'Le serveur n’a pas répondu.';
export const answered = (status: number) => `Le serveur a répondu ${status}.`;

export const name = 'Mayfly';
export const loading = 'Chargement';
export const working = 'Toujours en cours';
export const retry = 'Réessayer';
export const undo = 'Annuler';
export const remove = 'Retirer';
export const cancel = 'Annuler';
export const close = 'Fermer';
export const save = 'Enregistrer';
export const copy = 'Copier';
export const copied = 'Copié';
export const more = 'Plus';
export const noAnswer = 'Aucune réponse après 10 secondes.';
export const notLoaded = 'Une partie de cette page n’a pas été chargée.';
export const asOf = (time: string) => `Chiffres de ${time}.`;
export const notFound = 'Il n’y a rien ici.';
export const toSites = 'Mayfly, tous les sites';

export const metric = {
  visits: 'Visites',
  visitors: 'Visiteurs',
  pageviews: 'Vues',
  views_per_visit: 'Vues par visite',
  bounce_rate: 'Taux de rebond',
  visit_duration: 'Durée de visite',
  events: 'Nombre',
  event_visits: 'Visites avec',
  event_visitors: 'Visiteurs avec',
  event_rate: 'Taux',
  page_visitors: 'Visiteurs',
  page_visits: 'Visites',
  exits: 'Sorties',
  bounces: 'Rebonds',
  entrants: 'Entrants',
  time_on_page: 'Temps sur la page',
  scroll_depth: 'Défilement',
  value_sum: 'Revenu',
  share: 'Part',
  change: 'Évolution',
} as Record<string, string>;
export const metrics = 'Mesure du graphique';
export const beforeLabel = 'Avant';
export const dailySum = 'Visiteurs, somme des jours';
export const dailySumWhy = 'La somme des visiteurs de chaque jour. Qui est venu trois jours compte trois fois : rien ne relie un jour au suivant.';
export const sum = ', somme des jours';
export const atLeast = (k: number) => `Seuls les groupes d’au moins ${k} sont montrés ici : nombres et taux sont des minimums.`;
export const beganHere = 'Des visites commencées ici';
export const before = (value: string) => `${value} avant`;
export const versus = (range: string) => `comparé à ${range}`;
export const noComparison = 'Sans comparaison';
export const nothingBefore = (range: string) => `rien d’enregistré pour ${range} à quoi comparer`;
export const incomplete = 'pas encore complet';
export const twice = ' (cette heure est passée deux fois)';

export const dimension = {
  page: 'Page', section: 'Section', entry_page: 'Page d’entrée', exit_page: 'Page de sortie', host: 'Hôte',
  channel: 'Canal', source: 'Source', utm_campaign: 'Campagne', utm_medium: 'Support', utm_source: 'Source de campagne',
  utm_content: 'Contenu', utm_term: 'Terme',
  country: 'Pays', region: 'Région', city: 'Ville',
  browser: 'Navigateur', browser_version: 'Version du navigateur', os: 'Système', os_version: 'Version du système', device: 'Appareil',
  language: 'Langue', flow: 'Page suivante', event: 'Événement', goal: 'Objectif', funnel: 'Entonnoir',
} as Record<string, string>;
export const tab = {
  page: 'Pages', section: 'Sections', entry_page: 'Entrée', exit_page: 'Sortie', flow: 'Parcours', event: 'Événements', goal: 'Objectifs',
  funnel: 'Entonnoirs', properties: 'Propriétés', browser_version: 'Version du navigateur', os_version: 'Version du système', map: 'Carte', vitals: 'Signaux web',
} as Record<string, string>;
export const panel = { sources: 'Sources', pages: 'Pages', places: 'Lieux', devices: 'Appareils', events: 'Événements' } as Record<string, string>;
export const operator = {
  is: 'est', is_not: 'n’est pas', contains: 'contient', contains_not: 'ne contient pas', prefix: 'commence par',
} as Record<string, string>;
export const or = ' ou ';
/** Of the document's title. */
export const screen = {
  sites: 'Tous les sites', setup: 'Installation', settings: 'Réglages', privacy: 'Vie privée', keys: 'Clés d’API', account: 'Compte', users: 'Personnes',
} as Record<string, string>;

export const period = {
  day: 'Aujourd’hui', yesterday: 'Hier', '7d': '7 derniers jours', '28d': '28 derniers jours', '30d': '30 derniers jours',
  '91d': '91 derniers jours', month: 'Ce mois-ci', last_month: 'Mois dernier', year: 'Cette année', '12mo': '12 derniers mois',
  all: 'Tout ce qui est gardé',
} as Record<string, string>;
export const days = (n: number) => (n === 1 ? 'Dernier jour' : `${n} derniers jours`);
export const custom = 'Autre période';
export const from = 'Du';
export const to = 'Au';
export const apply = 'Appliquer';
export const previousPeriod = 'Période précédente';
export const nextPeriod = 'Période suivante';
export const periodLabel = 'Période';
export const compareLabel = 'Comparer';
export const compare = { prev: 'Période précédente', year: 'Un an avant', none: 'Sans comparaison' } as Record<string, string>;
export const compareShort = { prev: 'au précédent', year: 'à un an avant', none: 'Comparer' } as Record<string, string>;
export const compareCustom = 'à une autre';
export const matchWeekday = 'Mêmes jours de semaine';
export const matchDate = 'Mêmes dates';
export const interval = { hour: 'Par heure', day: 'Par jour', week: 'Par semaine', month: 'Par mois' } as Record<string, string>;
export const intervalAuto = 'Automatique';
export const intervalLabel = 'Graphique';
export const theme = { auto: 'Comme le système', light: 'Clair', dark: 'Sombre' } as Record<string, string>;
export const themeLabel = 'Thème';
export const languageLabel = 'Langue';
export const menu = 'Menu';
export const siteLabel = 'Site';
export const setup = 'Installation';
export const settings = 'Réglages';
export const privacy = 'Vie privée';
export const keys = 'Clés d’API';
export const account = 'Compte';
export const shortcuts = 'Raccourcis';
export const shortcutsOn = 'Raccourcis à une touche';
export const allSites = 'Tous les sites';
export const addSite = 'Ajouter un site';

export const live = (n: number) => `${n} ${n < 2 ? 'visiteur' : 'visiteurs'} en ce moment`;
export const liveHint = 'Visiteurs des 5 dernières minutes';
export const liveTitle = '30 dernières minutes';
export const liveViews = (n: number) => `${n} ${n < 2 ? 'page vue' : 'pages vues'}`;
export const livePages = 'Pages aujourd’hui';
export const liveNone = 'Aucune page vue aujourd’hui.';

export const zone = (zone: string) => `Les jours finissent à 00:00 ${zone}`;
export const openDay = (asOf: string | null) =>
  asOf
    ? `La journée est ouverte : campagnes, lieux et appareils à ${asOf} ; complets après minuit`
    : 'La journée est ouverte : campagnes, lieux et appareils dès la prochaine heure pleine ; complets après minuit';
export const groupingOff = 'Le regroupement est désactivé pour ce site';
export const simulated = 'Données simulées';

export const addFilter = 'Filtrer';
export const filterBy = 'Filtrer par';
export const filterOperator = 'Comment';
export const filterValue = 'Valeur';
export const clearFilters = 'Tout retirer';
export const filters = 'Filtres';
export const replaced = (name: string) => `Remplace le filtre ${name} : enregistrés à part.`;

export const chartOf = (metric: string) => `${metric} dans le temps`;
export const chartHelp = 'Les flèches déplacent';
export const chartZoom = ', Entrée montre cette période seule';
export const showTable = 'Voir le tableau';
export const showChart = 'Voir le graphique';
export const date = 'Date';
export const noValue = 'aucune valeur';

export const other = (k: number) => (k > 1 ? `Autres (moins de ${k})` : 'Autres');
export const otherHint = (share: string) => `${share} n’en sont pas détaillés par ligne`;
export const toldAll = 'Tout est détaillé par ligne';
export const overlaps = {
  page: 'Une visite voit plusieurs pages : les lignes s’additionnent en vues, pas en visites.',
  section: 'Les sections se recoupent : leurs lignes ne s’additionnent pas.',
  event: 'Une visite peut contenir plusieurs événements : les lignes s’additionnent en nombres, pas en visites.',
  goal: 'Ils se recoupent : leurs lignes ne s’additionnent pas.',
} as Record<string, string>;
export const transitions = 'Passages';
export const share = 'Part';
export const newRow = 'nouveau';
export const underK = (k: number) => `moins de ${k} avant`;
export const underKOrNone = (k: number) => `moins de ${k} ou aucune`;
export const details = 'Détails';
export const openPage = (name: string) => `Ouvrir ${name} dans un nouvel onglet`;
export const storedApart = 'Enregistrés à part : lieux et appareils n’apparaissent qu’en groupes';
export const storedApartWhy = 'Aucune ligne enregistrée ne dit à la fois d’où vient une visite et où ou avec quoi elle est faite. Un seul des deux filtre à la fois.';
export const why = 'Pourquoi';
export const showInstead = (name: string) => `Montrer ${name} sans ce filtre`;
export const notCollected = 'Non collecté';
export const notCollectedWhy = 'Ce site ne le garde pas.';
export const toSettings = 'Changer dans les réglages';
export const emptyRange = 'Rien sur cette période.';
export const noEvents = 'Aucun événement n’est déclaré : seules les vues sont comptées.';
export const declare = 'Déclarer dans les réglages';
export const emptyPanel = 'Rien ici.';
export const lastData = (date: string) => `Dernières données : ${date}.`;
export const goThere = 'Y aller';
export const noMatch = 'Rien ne correspond aux filtres sur cette période.';
export const nothingEver = 'Rien n’est encore arrivé.';
export const goSetup = 'Installer le site';
export const fewTitle = 'Un petit groupe pour l’instant';
export const few = (k: number, asOf: string | null) =>
  `Lieux et appareils apparaissent par groupes d’au moins ${k}, à la dernière heure pleine${asOf ? ` (${asOf})` : ''}. Vues, pages et sources aussitôt.`;
export const rejected = (n: string) => `${n} rejetés : non déclarés`;
export const declareThem = 'Voir les propositions';
export const goalRate = 'Taux';
export const refusedQuestion = 'Impossible d’y répondre.';
export const badValues = (list: string) => `Non compris : ${list}`;

export const search = 'Rechercher';
export const csv = 'CSV';
export const propertyNeedsEvent = 'Choisir un événement pour voir ses propriétés.';

export const firstRunTitle = 'Bienvenue dans Mayfly';
export const firstRunLead = 'Au démarrage, le serveur a affiché un jeton. Qui le possède peut prendre possession de cette installation, une seule fois.';
export const claimToken = 'Jeton du serveur';
export const yourName = 'Votre nom';
export const password = 'Mot de passe';
export const passwordHint = 'Au moins 10 caractères';
export const siteHost = 'Site';
export const siteHostHint = 'L’hôte du site, par exemple example.com';
export const timeZone = 'Fuseau horaire';
export const timeZoneHint = 'Ses jours commencent et finissent dans ce fuseau';
export const create = 'Créer';
export const signIn = 'Se connecter';
export const signOut = 'Se déconnecter';
export const signInTitle = 'Connexion à Mayfly';
export const userName = 'Nom';

export const setupTitle = 'Ajouter le script';
export const setupLead = 'Coller ceci dans l’en-tête (head) de chaque page. Rien n’y dépose de cookie ni n’enregistre quoi que ce soit dans le navigateur.';
export const waiting = 'En attente du premier événement';
export const waitingHint = 'Ouvrir une page du site : elle apparaît ici en quelques secondes.';
export const arrived = 'Le premier événement est arrivé';
export const arrivedHint = 'Mayfly compte à partir d’ici.';
export const openDashboard = 'Ouvrir le tableau de bord';
export const causes = 'Toujours rien. Les causes habituelles :';
export const rejectedToday = 'Refusés aujourd’hui';
export const receivedNothing = 'Le serveur n’a reçu aucune requête pour ce site aujourd’hui.';

export const visits7 = 'Visites, 7 jours';
export const noSites = 'Aucun site.';
export const missingNodes = (nodes: number[]) => `Sans ${nodes.length === 1 ? 'le collecteur' : 'les collecteurs'} ${nodes.join(', ')} : pas de réponse pour l’instant`;
export const host = 'Hôte';

export const keysTitle = 'Clés d’API';
export const keysLead = 'Une clé répond aux rapports d’un site. La portée staff lit aussi l’heure ouverte et le nombre en direct.';
export const keyName = 'Nom';
export const keyScope = 'Portée';
export const keyOnce = 'À copier maintenant : elle n’est montrée que cette fois.';
export const revoke = 'Révoquer';
export const noKeys = 'Aucune clé.';

/** Ce que le serveur dit en anglais, en français. */
export const server = {
  'Stored apart: place and device show only in crowds':
    'Enregistrés à part : lieux et appareils n’apparaissent qu’en groupes',
  'Stored apart: no row tells both where a visit came from and where or what its visitor is':
    'Enregistrés à part : aucune ligne ne dit à la fois d’où vient une visite et où ou avec quoi elle est faite',
  'Stored apart: language is counted alone, without pages and events':
    'Enregistrée à part : la langue est comptée seule, sans pages ni événements',
  'not_collected: this site does not keep it':
    'Ce site ne le garde pas',
  'one kind of attribute at a time: sources, places, devices or language':
    'Un seul genre d’attribut à la fois : sources, lieux, appareils ou langue',
  'one of page, section, entry page and exit page at a time':
    'Une seule à la fois parmi page, section, page d’entrée et page de sortie',
  'hosts are counted without sources, places and devices':
    'Les hôtes sont comptés sans sources, lieux ni appareils',
  'events by page are counted without sources, places and devices':
    'Les événements par page sont comptés sans sources, lieux ni appareils',
  'events are not stored by entry page, exit page or host':
    'Les événements ne sont pas enregistrés par page d’entrée, page de sortie ou hôte',
  'event properties are counted without places and devices':
    'Les propriétés d’événements sont comptées sans lieux ni appareils',
  'a property filter needs an event filter beside it':
    'Un filtre sur une propriété demande aussi un filtre sur l’événement',
  'one property at a time: no row holds two':
    'Une seule propriété à la fois : aucune ligne n’en porte deux',
  'which pages follow is not stored by host: remove the host filter':
    'Les pages qui suivent ne sont pas enregistrées par hôte : retirer le filtre sur l’hôte',
  'which pages follow is not told beside a locked filter':
    'Les pages qui suivent ne sont pas dites à côté d’un filtre verrouillé',
  'Pick one page, and no source, place or device, to see which pages follow':
    'Choisir une page, sans source, lieu ni appareil, pour voir quelles pages suivent',
  'a section filter names sections: only "is" one is answered':
    'Un filtre de section nomme des sections : seul « est » reçoit une réponse',
  'places and devices count pages as part of their sections: filter by the section':
    'Lieux et appareils comptent les pages dans leurs sections : filtrer par la section',
  'sections are counted without the page: remove the page filter':
    'Les sections sont comptées sans la page : retirer le filtre sur la page',
  'visits and visitors overlap between pages: only "is" one page is answered':
    'Visites et visiteurs se recoupent entre pages : seul « est » une page reçoit une réponse',
  'times and scroll depth are stored per source, without the page':
    'Temps et défilement sont enregistrés par source, sans la page',
  'what visits that began or ended here saw elsewhere is not stored':
    'Ce que les visites commencées ou finies ici ont vu ailleurs n’est pas enregistré',
  'there is no count of an event\'s visits by page':
    'Les visites d’un événement ne sont pas comptées par page',
  'the plain list of sources has visits and visitors only':
    'La simple liste des sources n’a que visites et visiteurs',
  'the event is declared without a currency':
    'L’événement est déclaré sans devise',
  'needs an event':
    'Demande un événement',
  'with an event filter, count, visits with it and rate are shown':
    'Avec un filtre sur un événement sont montrés nombre, visites avec et taux',
  'goals are counted apart from an event: remove the event filter':
    'Les objectifs sont comptés à part d’un événement : retirer le filtre sur l’événement',
  'funnels are counted whole and by source only':
    'Les entonnoirs ne sont comptés qu’en entier et par source',
  'hours are not stored beside sources, places and devices: shown by day':
    'Les heures ne sont pas enregistrées à côté des sources, lieux et appareils : montré par jour',
  'hours are shown for at most {} days: shown by day':
    'Les heures sont montrées pour {1} jours au plus : montré par jour',
  'unknown value "{}" for {}':
    'Valeur inconnue « {1} » pour {2}',
  'collector {} does not answer: what it has not brought to the store yet is missing here':
    'Le collecteur {1} ne répond pas : ce qu’il n’a pas encore porté à la base manque ici',
  'collectors {} do not answer: what they have not brought to the store yet is missing here':
    'Les collecteurs {1} ne répondent pas : ce qu’ils n’ont pas encore porté à la base manque ici',
  'Grouping was off on some of these days (this period): a row of theirs may be about one visitor':
    'Le regroupement était désactivé certains de ces jours (cette période) : une de leurs lignes peut concerner un seul visiteur',
  'Grouping was off on some of these days (the period compared with): a row of theirs may be about one visitor':
    'Le regroupement était désactivé certains de ces jours (période comparée) : une de leurs lignes peut concerner un seul visiteur',
  'Some of these days (this period) were grouped with another k than today\'s {}: {} at the least':
    'Certains de ces jours (cette période) ont été groupés avec un autre k que celui d’aujourd’hui ({1}) : au moins {2}',
  'Some of these days (the period compared with) were grouped with another k than today\'s {}: {} at the least':
    'Certains de ces jours (période comparée) ont été groupés avec un autre k que celui d’aujourd’hui ({1}) : au moins {2}',
  '{} was corrected: a spam source was taken from sources and campaigns, not from totals, pages, places and devices':
    'Le {1} a été corrigé : une source de spam a été retirée des sources et campagnes, non des totaux, pages, lieux et appareils',
  '{} days of this period were corrected: a spam source was taken from sources and campaigns, not from totals, pages, places and devices':
    '{1} jours de cette période ont été corrigés : une source de spam a été retirée des sources et campagnes, non des totaux, pages, lieux et appareils',
  '{} days of the period compared with were corrected: a spam source was taken from sources and campaigns, not from totals, pages, places and devices':
    '{1} jours de la période comparée ont été corrigés : une source de spam a été retirée des sources et campagnes, non des totaux, pages, lieux et appareils',
  'releases of these days are missing here: {} wait on the disk until the store has caught up, {} were set aside (docs/OPERATIONS.md, When something fails)':
    'Des publications de ces jours manquent ici : {1} attendent sur le disque que la base ait rattrapé son retard, {2} ont été mises de côté (docs/OPERATIONS.md, When something fails)',
  'releases of these days are missing here: {} wait on the disk until the store has caught up':
    'Des publications de ces jours manquent ici : {1} attendent sur le disque que la base ait rattrapé son retard',
  'releases of these days are missing here: {} were set aside (docs/OPERATIONS.md, When something fails)':
    'Des publications de ces jours manquent ici : {1} ont été mises de côté (docs/OPERATIONS.md, When something fails)',
  'sign in, or send a key as `Authorization: Bearer mf_...`':
    'Connexion requise',
  'name or password is wrong':
    'Nom ou mot de passe incorrect',
  'the code is wrong, or was used before':
    'Le code est faux, ou a déjà servi',
  'too many attempts: try again in {} seconds':
    'Trop de tentatives : réessayer dans {1} secondes',
  'too many people sign in at this moment: try again in 5 seconds':
    'Trop de personnes se connectent en ce moment : réessayer dans 5 secondes',
  'this install has been claimed already: sign in instead':
    'Cette installation est déjà prise : se connecter',
  'the claim token is wrong: the server prints the right one when it starts':
    'Le jeton est faux : le serveur affiche le bon au démarrage',
  'this invitation was accepted, has ended, or was taken back: ask for a new one':
    'Cette invitation a été acceptée, a expiré ou a été reprise : en demander une nouvelle',
  'the current password is wrong':
    'Le mot de passe actuel est incorrect',
  'code: these are not the digits shown now':
    'Ce ne sont pas les chiffres montrés maintenant',
  'viewers read only: ask an administrator of this site':
    'Lecture seule : s’adresser à qui administre ce site',
  'viewers read only: ask an administrator of the site':
    'Lecture seule : s’adresser à qui administre ce site',
  'only an owner of this install may do this':
    'Seuls les propriétaires de cette installation le peuvent',
  'this link opens nothing: it is not whole, or it was revoked':
    'Ce lien n’ouvre rien : il est incomplet, ou a été révoqué',
  'this link ended with {}':
    'Ce lien a expiré le {1}',
  'this link asks for its password':
    'Ce lien demande son mot de passe',
  'the password is wrong':
    'Le mot de passe est incorrect',
  'too many people look at shared dashboards: try again in 5 seconds':
    'Trop de personnes regardent des tableaux partagés : réessayer dans 5 secondes',
  'there is no site `{}`':
    'Il n’y a pas de site « {1} »',
  'site `{}` exists already':
    'Le site « {1} » existe déjà',
  'user `{}` exists already':
    'Le nom « {1} » existe déjà',
  'the store is unavailable: the log says why':
    'La base est indisponible : le journal du serveur dit pourquoi',
  'something went wrong here; the server\'s log says what':
    'Quelque chose a échoué ici ; le journal du serveur dit quoi',
  'there is nothing at this address':
    'Il n’y a rien à cette adresse',
  'claimed the install':
    'a pris possession de l’installation',
  'signed in':
    's’est connecté',
  'added a person':
    'a ajouté une personne',
  'set a person\'s password':
    'a fixé le mot de passe d’une personne',
  'removed a person':
    'a retiré une personne',
  'gave a person a role':
    'a donné un rôle à une personne',
  'took a person\'s role':
    'a retiré son rôle à une personne',
  'invited a person':
    'a invité une personne',
  'took back an invitation':
    'a repris une invitation',
  'accepted an invitation':
    'a accepté une invitation',
  'changed their password':
    'a changé son mot de passe',
  'switched their second factor on':
    'a activé son second facteur',
  'switched their second factor off':
    'a désactivé son second facteur',
  'added the site':
    'a ajouté le site',
  'changed its settings':
    'a changé ses réglages',
  'renamed it':
    'l’a renommé',
  'erased all that was counted':
    'a effacé tout ce qui était compté',
  'made it part of another site':
    'l’a réuni à un autre site',
  'removed it':
    'l’a retiré',
  'removed and erased it':
    'l’a retiré et effacé',
  'declared a proposal':
    'a déclaré une proposition',
  'changed its notes':
    'a changé ses notes',
  'took a source from closed days':
    'a retiré une source de jours clos',
  'made a key':
    'a créé une clé',
  'revoked a key':
    'a révoqué une clé',
  'shared it':
    'l’a partagé',
  'revoked a share':
    'a révoqué un partage',
  'made a backup':
    'a fait une sauvegarde',
  'restored a backup':
    'a restauré une sauvegarde',
  'exported rows':
    'a exporté des lignes',
  'downloaded all that is stored':
    'a téléchargé tout ce qui est enregistré',
  'size of crowds (k)':
    'taille des groupes (k)',
  'rows tell what the site keeps now, and nothing more':
    'les lignes disent ce que le site conserve aujourd’hui, et rien de plus',
  'no value looks like an identifier':
    'aucune valeur ne ressemble à un identifiant',
  'every told row and every remainder is a crowd':
    'chaque ligne dite et chaque reste est un groupe',
  'no row combines two families':
    'aucune ligne ne combine deux familles',
  'families of a day add up to the same':
    'les familles d’un jour donnent la même somme',
  'no row is older than the site keeps':
    'aucune ligne n’est plus vieille que la conservation',
  'no column could hold an identifier':
    'aucune colonne ne pourrait tenir un identifiant',
  'no journal, key, salt or visitor table of a past day':
    'ni journal, ni clé, ni sel, ni table de visiteurs d’un jour passé',
  'no release is stuck':
    'aucune publication n’est bloquée',
  'files and folders are closed to others':
    'fichiers et dossiers sont fermés aux autres',
  'the runtime directory is in memory':
    'le répertoire d’exécution est en mémoire',
  'swap':
    'échange (swap)',
  'the server leaves no dump':
    'le serveur ne laisse pas d’image mémoire',
  'salts are locked in memory':
    'les sels sont verrouillés en mémoire',
  'who may say whom they forward':
    'qui peut dire pour qui il transmet',
  'what an acknowledged hit survives':
    'ce à quoi survit un hit confirmé',
  'the running server':
    'le serveur en marche',
  'a command, no server running':
    'une commande, sans serveur en marche',
  'other nodes':
    'autres nœuds',
} as Record<string, string>;

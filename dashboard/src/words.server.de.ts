/** Was der Server auf Englisch sagt, auf Deutsch. */
export const server = {
  'Stored apart: place and device show only in crowds':
    'Getrennt gespeichert: Orte und Geräte erscheinen nur in Gruppen',
  'Stored apart: no row tells both where a visit came from and where or what its visitor is':
    'Getrennt gespeichert: Keine Zeile sagt zugleich, woher ein Besuch kam und wo oder womit er gemacht wurde',
  'Stored apart: language is counted alone, without pages and events':
    'Getrennt gespeichert: Die Sprache wird allein gezählt, ohne Seiten und Ereignisse',
  'not_collected: this site does not keep it':
    'Diese Website bewahrt es nicht auf',
  'one kind of attribute at a time: sources, places, devices or language':
    'Nur eine Art von Merkmal zugleich: Quellen, Orte, Geräte oder Sprache',
  'one of page, section, entry page and exit page at a time':
    'Nur eines von Seite, Bereich, Einstiegsseite und Ausstiegsseite zugleich',
  'hosts are counted without sources, places and devices':
    'Hosts werden ohne Quellen, Orte und Geräte gezählt',
  'events by page are counted without sources, places and devices':
    'Ereignisse nach Seite werden ohne Quellen, Orte und Geräte gezählt',
  'events are not stored by entry page, exit page or host':
    'Ereignisse sind nicht nach Einstiegsseite, Ausstiegsseite oder Host gespeichert',
  'event properties are counted without places and devices':
    'Eigenschaften von Ereignissen werden ohne Orte und Geräte gezählt',
  'a property filter needs an event filter beside it':
    'Ein Filter auf eine Eigenschaft braucht daneben einen auf das Ereignis',
  'one property at a time: no row holds two':
    'Nur eine Eigenschaft zugleich: Keine Zeile hält zwei',
  'which pages follow is not stored by host: remove the host filter':
    'Welche Seiten folgen, ist nicht nach Host gespeichert: den Filter auf den Host entfernen',
  'which pages follow is not told beside a locked filter':
    'Welche Seiten folgen, wird neben einem festen Filter nicht gesagt',
  'Pick one page, and no source, place or device, to see which pages follow':
    'Eine Seite wählen, und keine Quelle, keinen Ort und kein Gerät, um zu sehen, welche Seiten folgen',
  'a section filter names sections: only "is" one is answered':
    'Ein Filter auf Bereiche nennt Bereiche: Nur „ist“ wird beantwortet',
  'places and devices count pages as part of their sections: filter by the section':
    'Orte und Geräte zählen Seiten als Teil ihrer Bereiche: nach dem Bereich filtern',
  'sections are counted without the page: remove the page filter':
    'Bereiche werden ohne die Seite gezählt: den Filter auf die Seite entfernen',
  'visits and visitors overlap between pages: only "is" one page is answered':
    'Besuche und Besucher überschneiden sich zwischen Seiten: Nur „ist“ eine Seite wird beantwortet',
  'times and scroll depth are stored per source, without the page':
    'Zeiten und Scrolltiefe sind je Quelle gespeichert, ohne die Seite',
  'what visits that began or ended here saw elsewhere is not stored':
    'Was Besuche, die hier begannen oder endeten, anderswo sahen, ist nicht gespeichert',
  'there is no count of an event\'s visits by page':
    'Die Besuche eines Ereignisses werden nicht nach Seite gezählt',
  'the plain list of sources has visits and visitors only':
    'Die einfache Liste der Quellen hat nur Besuche und Besucher',
  'the event is declared without a currency':
    'Das Ereignis ist ohne Währung deklariert',
  'needs an event':
    'Braucht ein Ereignis',
  'with an event filter, count, visits with it and rate are shown':
    'Mit einem Filter auf ein Ereignis werden Anzahl, Besuche damit und Quote gezeigt',
  'goals are counted apart from an event: remove the event filter':
    'Ziele werden getrennt von einem Ereignis gezählt: den Filter auf das Ereignis entfernen',
  'funnels are counted whole and by source only':
    'Trichter werden nur im Ganzen und nach Quelle gezählt',
  'hours are not stored beside sources, places and devices: shown by day':
    'Stunden sind neben Quellen, Orten und Geräten nicht gespeichert: nach Tagen gezeigt',
  'hours are shown for at most {} days: shown by day':
    'Stunden werden für höchstens {1} Tage gezeigt: nach Tagen gezeigt',
  'unknown value "{}" for {}':
    'Unbekannter Wert „{1}“ für {2}',
  'collector {} does not answer: what it has not brought to the store yet is missing here':
    'Sammler {1} antwortet nicht: Was er noch nicht in die Datenbank gebracht hat, fehlt hier',
  'collectors {} do not answer: what they have not brought to the store yet is missing here':
    'Die Sammler {1} antworten nicht: Was sie noch nicht in die Datenbank gebracht haben, fehlt hier',
  'Grouping was off on some of these days (this period): a row of theirs may be about one visitor':
    'An einigen dieser Tage (dieser Zeitraum) war die Gruppierung aus: Eine ihrer Zeilen kann von einem einzigen Besucher handeln',
  'Grouping was off on some of these days (the period compared with): a row of theirs may be about one visitor':
    'An einigen dieser Tage (verglichener Zeitraum) war die Gruppierung aus: Eine ihrer Zeilen kann von einem einzigen Besucher handeln',
  'Some of these days (this period) were grouped with another k than today\'s {}: {} at the least':
    'Einige dieser Tage (dieser Zeitraum) wurden mit einem anderen k gruppiert als heute ({1}): mindestens {2}',
  'Some of these days (the period compared with) were grouped with another k than today\'s {}: {} at the least':
    'Einige dieser Tage (verglichener Zeitraum) wurden mit einem anderen k gruppiert als heute ({1}): mindestens {2}',
  '{} was corrected: a spam source was taken from sources and campaigns, not from totals, pages, places and devices':
    '{1} wurde berichtigt: Eine Spam-Quelle wurde aus Quellen und Kampagnen genommen, nicht aus Summen, Seiten, Orten und Geräten',
  '{} days of this period were corrected: a spam source was taken from sources and campaigns, not from totals, pages, places and devices':
    '{1} Tage dieses Zeitraums wurden berichtigt: Eine Spam-Quelle wurde aus Quellen und Kampagnen genommen, nicht aus Summen, Seiten, Orten und Geräten',
  '{} days of the period compared with were corrected: a spam source was taken from sources and campaigns, not from totals, pages, places and devices':
    '{1} Tage des verglichenen Zeitraums wurden berichtigt: Eine Spam-Quelle wurde aus Quellen und Kampagnen genommen, nicht aus Summen, Seiten, Orten und Geräten',
  'releases of these days are missing here: {} wait on the disk until the store has caught up, {} were set aside (docs/OPERATIONS.md, When something fails)':
    'Hier fehlen Freigaben dieser Tage: {1} warten auf der Platte, bis die Datenbank nachgekommen ist, {2} wurden beiseitegelegt (docs/OPERATIONS.md, When something fails)',
  'releases of these days are missing here: {} wait on the disk until the store has caught up':
    'Hier fehlen Freigaben dieser Tage: {1} warten auf der Platte, bis die Datenbank nachgekommen ist',
  'releases of these days are missing here: {} were set aside (docs/OPERATIONS.md, When something fails)':
    'Hier fehlen Freigaben dieser Tage: {1} wurden beiseitegelegt (docs/OPERATIONS.md, When something fails)',
  'sign in, or send a key as `Authorization: Bearer mf_...`':
    'Bitte anmelden',
  'name or password is wrong':
    'Name oder Passwort ist falsch',
  'the code is wrong, or was used before':
    'Der Code ist falsch oder wurde schon benutzt',
  'too many attempts: try again in {} seconds':
    'Zu viele Versuche: in {1} Sekunden erneut versuchen',
  'too many people sign in at this moment: try again in 5 seconds':
    'Gerade melden sich zu viele an: in 5 Sekunden erneut versuchen',
  'this install has been claimed already: sign in instead':
    'Diese Installation ist schon übernommen: stattdessen anmelden',
  'the claim token is wrong: the server prints the right one when it starts':
    'Das Einrichtungs-Token ist falsch: Der Server gibt das richtige beim Start aus',
  'this invitation was accepted, has ended, or was taken back: ask for a new one':
    'Diese Einladung wurde angenommen, ist abgelaufen oder zurückgenommen: um eine neue bitten',
  'the current password is wrong':
    'Das jetzige Passwort ist falsch',
  'code: these are not the digits shown now':
    'Das sind nicht die Ziffern, die jetzt gezeigt werden',
  'viewers read only: ask an administrator of this site':
    'Mit Leserecht wird nur gelesen: Wer diese Website verwaltet, kann helfen',
  'viewers read only: ask an administrator of the site':
    'Mit Leserecht wird nur gelesen: Wer diese Website verwaltet, kann helfen',
  'only an owner of this install may do this':
    'Das darf nur, wem diese Installation gehört',
  'this link opens nothing: it is not whole, or it was revoked':
    'Dieser Link öffnet nichts: Er ist nicht vollständig oder wurde widerrufen',
  'this link ended with {}':
    'Dieser Link endete mit dem {1}',
  'this link asks for its password':
    'Dieser Link fragt nach seinem Passwort',
  'the password is wrong':
    'Das Passwort ist falsch',
  'too many people look at shared dashboards: try again in 5 seconds':
    'Gerade sehen zu viele geteilte Dashboards an: in 5 Sekunden erneut versuchen',
  'there is no site `{}`':
    'Es gibt keine Website „{1}“',
  'site `{}` exists already':
    'Die Website „{1}“ gibt es schon',
  'user `{}` exists already':
    'Den Namen „{1}“ gibt es schon',
  'the store is unavailable: the log says why':
    'Die Datenbank ist nicht erreichbar: Das Protokoll des Servers sagt, warum',
  'something went wrong here; the server\'s log says what':
    'Hier ging etwas schief; das Protokoll des Servers sagt, was',
  'there is nothing at this address':
    'Unter dieser Adresse gibt es nichts',
  'claimed the install':
    'hat die Installation übernommen',
  'signed in':
    'hat sich angemeldet',
  'added a person':
    'hat eine Person hinzugefügt',
  'set a person\'s password':
    'hat das Passwort einer Person gesetzt',
  'removed a person':
    'hat eine Person entfernt',
  'gave a person a role':
    'hat einer Person eine Rolle gegeben',
  'took a person\'s role':
    'hat einer Person die Rolle genommen',
  'invited a person':
    'hat eine Person eingeladen',
  'took back an invitation':
    'hat eine Einladung zurückgenommen',
  'accepted an invitation':
    'hat eine Einladung angenommen',
  'changed their password':
    'hat das eigene Passwort geändert',
  'switched their second factor on':
    'hat den zweiten Faktor eingeschaltet',
  'switched their second factor off':
    'hat den zweiten Faktor ausgeschaltet',
  'added the site':
    'hat die Website hinzugefügt',
  'changed its settings':
    'hat ihre Einstellungen geändert',
  'renamed it':
    'hat sie umbenannt',
  'erased all that was counted':
    'hat alles Gezählte gelöscht',
  'made it part of another site':
    'hat sie mit einer anderen vereint',
  'removed it':
    'hat sie entfernt',
  'removed and erased it':
    'hat sie entfernt und gelöscht',
  'declared a proposal':
    'hat einen Vorschlag deklariert',
  'changed its notes':
    'hat ihre Notizen geändert',
  'took a source from closed days':
    'hat eine Quelle aus abgeschlossenen Tagen genommen',
  'made a key':
    'hat einen Schlüssel angelegt',
  'revoked a key':
    'hat einen Schlüssel widerrufen',
  'shared it':
    'hat sie geteilt',
  'revoked a share':
    'hat etwas Geteiltes widerrufen',
  'made a backup':
    'hat eine Sicherung gemacht',
  'restored a backup':
    'hat eine Sicherung zurückgespielt',
  'exported rows':
    'hat Zeilen exportiert',
  'downloaded all that is stored':
    'hat alles Gespeicherte heruntergeladen',
  'size of crowds (k)':
    'Größe der Gruppen (k)',
  'rows tell what the site keeps now, and nothing more':
    'Zeilen sagen, was die Website jetzt erhebt, und nicht mehr',
  'no value looks like an identifier':
    'kein Wert sieht wie eine Kennung aus',
  'every told row and every remainder is a crowd':
    'jede ausgewiesene Zeile und jeder Rest ist eine Gruppe',
  'no row combines two families':
    'keine Zeile verbindet zwei Familien',
  'families of a day add up to the same':
    'die Familien eines Tages ergeben dasselbe',
  'no row is older than the site keeps':
    'keine Zeile ist älter als die Aufbewahrung',
  'no column could hold an identifier':
    'keine Spalte könnte eine Kennung halten',
  'no journal, key, salt or visitor table of a past day':
    'kein Journal, Schlüssel, Salz und keine Besuchertabelle eines vergangenen Tages',
  'no release is stuck':
    'keine Freigabe hängt fest',
  'files and folders are closed to others':
    'Dateien und Ordner sind für andere geschlossen',
  'the runtime directory is in memory':
    'das Laufzeitverzeichnis liegt im Arbeitsspeicher',
  'swap':
    'Auslagerung',
  'the server leaves no dump':
    'der Server hinterlässt kein Speicherabbild',
  'salts are locked in memory':
    'Salze sind im Arbeitsspeicher gesperrt',
  'who may say whom they forward':
    'wer sagen darf, für wen er weiterleitet',
  'what an acknowledged hit survives':
    'was ein bestätigter Treffer übersteht',
  'the running server':
    'den laufenden Server',
  'a command, no server running':
    'einen Befehl, ohne laufenden Server',
  'other nodes':
    'andere Knoten',
} as Record<string, string>;

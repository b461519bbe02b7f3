/** Die Texte der Suche danach, warum nichts ankommt, auf Deutsch. */
import type { Advice } from './words.setup';

export const title = 'Funktioniert es?';
export const lead = 'Mayfly probiert das Skript in diesem Browser und sieht dann nach, was die eigene Seite sendet. Ein Versuch wird nicht gezählt, und nichts davon wird gespeichert.';
export const begin = 'Probieren';
export const again = 'Noch einmal probieren';
export const trying = 'Das Skript wird in diesem Browser probiert';
export const good = 'Funktioniert';
export const bad = 'Funktioniert nicht';
export const settings = 'Einstellungen';
export const undo = 'Zur Seite für den Widerspruch';

export const pageTitle = 'Die eigene Seite';
export const pageLead = 'Eine Seite öffnen, die die Zeile enthält, mit einem Kennzeichen in der Adresse, an dem Mayfly sie wiedererkennt.';
export const pageLabel = 'Adresse der Seite';
export const open = 'Mit dem Kennzeichen öffnen';
export const waitingForPage = 'Warten auf das, was die Seite sendet';

export const well = {
  server: 'Der Server nimmt Aufrufe an.',
  script: 'Dieser Browser lädt das Skript.',
  sent: 'Was das Skript sendet, wird beantwortet.',
  outcome: 'Ein Seitenaufruf dieses Browsers würde zählen.',
  page: (host: string) => `Die Seite auf ${host} würde gezählt.`,
};

export const wrong = {
  server: { what: 'Der Server nimmt zurzeit keine Aufrufe an.', then: 'Seine Festplatte oder sein Journal hat ein Problem: /api/health und das Protokoll des Servers sagen, welches.' },
  proxy: {
    what: 'Vor dem Server steht ein Proxy, dem nicht vertraut wird: Alle Besucher dahinter sehen wie einer aus.',
    then: 'Die Adresse des Proxys in der Einstellung trusted_proxies nennen und den Server neu starten.',
  },
  script: (origin: string) => ({
    what: 'Dieser Browser lädt das Skript nicht.',
    then: `Ein Inhaltsblocker oder ein Filter im Netz hält ${origin}/mayfly.js auf. Es erlauben oder einen anderen Browser nehmen. Besucher, die es blockieren, werden nicht gezählt.`,
  }),
  sent: (origin: string) => ({
    what: 'Was das Skript sendet, kommt nicht an.',
    then: `Ein Inhaltsblocker, ein Filter im Netz oder ein Proxy, der kein POST durchlässt, hält ${origin}/api/event auf.`,
  }),
  refused: { what: 'Der Server hat nicht angenommen, was das Skript sandte.', then: 'Vielleicht hat er zu viel zu tun. Noch einmal probieren; bleibt es dabei, sagt das Protokoll des Servers, warum.' },
  lost: {
    what: 'Was das Skript sandte, wurde beantwortet, aber nicht von diesem Server.',
    then: 'Etwas dazwischen antwortet an seiner Stelle: die Regeln des Proxys für /api/event ansehen.',
  },
  silent: (host: string) => ({
    what: `Von der Seite auf ${host} kam nichts.`,
    then: 'Einer dieser Gründe ist es; die Konsole des Browsers sagt auf jener Seite, welcher:',
  }),
};
export const silence = (consent: boolean) => [
  'Die Zeile ist nicht in der Seite: im Quelltext nach data-site suchen. Vielleicht liefert ein Cache noch die Seite von vorher.',
  'Die Content-Security-Policy der Seite verbietet es (die Konsole sagt „Refused to load“ oder „violates“). Zu ergänzen:',
  'Ein Inhaltsblocker hält es nur auf Seiten anderer Domains auf (die Konsole sagt ERR_BLOCKED_BY_CLIENT). Mayfly unter der Domain der Website betreiben.',
  ...(consent ? ['Die Website fragt nach einer Einwilligung, und auf dieser Seite wurde sie nicht gegeben.'] : []),
];

export const outcomes: Record<string, Advice> = {
  bot: { what: 'Der Browser sagt, dass er ein Programm ist: ein bekannter Bot.', then: 'Einen gewöhnlichen Browser nehmen. Programme, die Seiten prüfen oder überwachen, werden nicht gezählt.' },
  gpc: {
    what: 'Der Browser widerspricht der Zählung: Er sendet Global Privacy Control oder Do Not Track.',
    then: 'Dann ist es so, wie es sein soll. Um sich selbst zu sehen, einen Browser nehmen, der nicht widerspricht. Welche Signale gelten, ist eine Einstellung.',
  },
  opted_out: { what: 'In diesem Browser wurde der Zählung widersprochen.', then: 'Das lässt sich auf der Seite für den Widerspruch zurücknehmen.' },
  excluded: { what: 'Netz, Host oder Seite sind als eigener Zugriff ausgenommen.', then: 'Siehe die ausgenommenen Zugriffe in den Einstellungen.' },
  unknown_site: { what: 'Die Zeile auf der Seite nennt eine Website, die dieser Server nicht hat.', then: 'Die Zeile oben kopieren, wie sie ist.' },
  host_not_allowed: { what: 'Die Seite liegt auf einem Host, der nicht zu dieser Website gehört.', then: 'Ihn in den Einstellungen zu den Hosts hinzufügen.' },
  undeclared_event: { what: 'Das Ereignis ist nicht deklariert.', then: 'Es in den Einstellungen deklarieren; häufige werden dort vorgeschlagen.' },
  no_visit: { what: 'Lesezeit kam ohne einen Seitenaufruf davor.', then: 'Nichts zu tun: Eine Seite war über Mitternacht oder einen Neustart hinweg offen.' },
  rate_limited: { what: 'Ein Netz sendet mehr, als es darf.', then: 'Ein Lasttest oder viele Menschen hinter einer Adresse: siehe address_rate in den Einstellungen des Servers.' },
  malformed: { what: 'Was gesendet wurde, ist nicht lesbar.', then: 'Ein eigenes Programm sendet es: Die Form steht in docs/API.md.' },
  too_large: { what: 'Was gesendet wurde, ist zu groß.', then: 'Siehe max_body in den Einstellungen des Servers.' },
  overloaded: { what: 'Der Server hatte zu viel zu tun.', then: 'Das wurde dem Absender gesagt, der es noch einmal versuchen kann. Das Protokoll sagt mehr.' },
  late: { what: 'Es kam, nachdem der Tag abgeschlossen war.', then: 'Nichts zu tun: Um Mitternacht kommt das vor.' },
  spam: { what: 'Die Seite wurde von einer bekannten Spam-Adresse aus erreicht.', then: 'Nichts zu tun.' },
  ignored: { what: 'Es sagt nichts, was Mayfly zählt.', then: 'Nichts zu tun.' },
};
export const namesOther = (named: string) => ({ what: `Die Zeile auf der Seite nennt eine andere Website dieses Servers: ${named}.`, then: 'Dort werden die Besuche gezählt. Die Zeile oben kopieren.' });
export const namesUnknown = (named: string) => ({ what: `Die Zeile auf der Seite nennt „${named}“, und eine solche Website hat dieser Server nicht.`, then: 'Die Zeile oben kopieren, wie sie ist.' });
export const foreignHost = (host: string) => ({ what: `Die Seite liegt auf ${host}; dieser Host gehört nicht zu dieser Website.`, then: 'Ihn in den Einstellungen zu den Hosts hinzufügen.' });

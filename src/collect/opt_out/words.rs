//! What the opt-out page says, in English, German and French.

/// The texts of one language. `{domain}` and `{site}` are put in; all is HTML.
pub struct Words {
    pub language: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub is_out: &'static str,
    pub is_in: &'static str,
    pub opt_out: &'static str,
    pub opt_in: &'static str,
    pub reach: &'static str,
    pub effective: &'static str,
    pub not_effective: &'static str,
    pub cookie: &'static str,
}

const ALL: [Words; 3] = [
    Words {
        language: "en",
        title: "Not to be counted",
        lead: "This server counts visits to websites: how often pages are viewed, where visits come from, and from which countries and with which browsers, in groups. It keeps no profile of you. You can still object.",
        is_out: "This browser has opted out. Its visits are not counted.",
        is_in: "This browser has not opted out.",
        opt_out: "Do not count my visits",
        opt_in: "Count my visits again",
        reach: "This choice reaches the server from pages of <strong>{domain}</strong> and what is below it. Pages of other websites do not send it, so it has no effect there.",
        effective: "Pages of <strong>{site}</strong> send your choice along: it is honoured there.",
        not_effective: "Pages of <strong>{site}</strong> do <strong>not</strong> send your choice along: it has no effect there. Look for an opt-out on {site} itself, or switch on Global Privacy Control in your browser if {site} says that it is honoured.",
        cookie: "The choice is kept in one cookie of this server, <code>mayfly_opt_out</code>, for 13 months. Its value is 1 for everybody, no script can read it, and it is set only if you press the button. Deleting your cookies deletes the choice.",
    },
    Words {
        language: "de",
        title: "Nicht gezählt werden",
        lead: "Dieser Server zählt Besuche von Websites: wie oft Seiten aufgerufen werden, woher Besuche kommen, und aus welchen Ländern und mit welchen Browsern, in Gruppen. Ein Profil von Ihnen führt er nicht. Widersprechen können Sie trotzdem.",
        is_out: "Dieser Browser hat widersprochen. Seine Besuche werden nicht gezählt.",
        is_in: "Dieser Browser hat nicht widersprochen.",
        opt_out: "Meine Besuche nicht zählen",
        opt_in: "Meine Besuche wieder zählen",
        reach: "Diese Wahl erreicht den Server von Seiten unter <strong>{domain}</strong>. Seiten anderer Websites senden sie nicht mit, dort hat sie keine Wirkung.",
        effective: "Seiten von <strong>{site}</strong> senden Ihre Wahl mit: Dort gilt sie.",
        not_effective: "Seiten von <strong>{site}</strong> senden Ihre Wahl <strong>nicht</strong> mit: Dort hat sie keine Wirkung. Suchen Sie auf {site} selbst nach einem Widerspruch, oder schalten Sie in Ihrem Browser Global Privacy Control ein, falls {site} angibt, es zu beachten.",
        cookie: "Die Wahl steht in einem Cookie dieses Servers, <code>mayfly_opt_out</code>, für 13 Monate. Sein Wert ist für alle 1, kein Skript kann ihn lesen, und er wird nur gesetzt, wenn Sie den Knopf drücken. Wer seine Cookies löscht, löscht auch die Wahl.",
    },
    Words {
        language: "fr",
        title: "Ne pas être compté",
        lead: "Ce serveur compte les visites de sites web : combien de fois les pages sont vues, d’où viennent les visites, et de quels pays et avec quels navigateurs, par groupes. Il ne tient aucun profil de vous. Vous pouvez néanmoins vous y opposer.",
        is_out: "Ce navigateur s’y est opposé. Ses visites ne sont pas comptées.",
        is_in: "Ce navigateur ne s’y est pas opposé.",
        opt_out: "Ne pas compter mes visites",
        opt_in: "Compter de nouveau mes visites",
        reach: "Ce choix parvient au serveur depuis les pages de <strong>{domain}</strong> et de ses sous-domaines. Les pages d’autres sites ne l’envoient pas : il y est sans effet.",
        effective: "Les pages de <strong>{site}</strong> transmettent votre choix : il y est respecté.",
        not_effective: "Les pages de <strong>{site}</strong> ne transmettent <strong>pas</strong> votre choix : il y est sans effet. Cherchez une opposition sur {site} même, ou activez Global Privacy Control dans votre navigateur si {site} déclare le respecter.",
        cookie: "Le choix est conservé dans un seul cookie de ce serveur, <code>mayfly_opt_out</code>, pendant 13 mois. Sa valeur est 1 pour tout le monde, aucun script ne peut le lire, et il n’est déposé que si vous pressez le bouton. Supprimer vos cookies supprime ce choix.",
    },
];

/// The texts that a browser asks for (`Accept-Language`); English where none of its languages is here.
pub fn of(accept_language: &str) -> &'static Words {
    let mut best: (f32, &Words) = (0.0, &ALL[0]);
    for part in accept_language.split(',').take(20) {
        let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let language = tag.trim().split('-').next().unwrap_or_default();
        let known = ALL.iter().find(|words| words.language.eq_ignore_ascii_case(language));
        if let Some(words) = known.filter(|_| weight > best.0) {
            best = (weight, words);
        }
    }
    best.1
}

/// A text as HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_best_that_both_know() {
        for (asked, expected) in [
            ("", "en"),
            ("de", "de"),
            ("de-AT,en;q=0.8", "de"),
            ("et,fr-CA;q=0.7,en;q=0.3", "fr"),
            ("EN;q=0.2, FR;q=0.9", "fr"),
            ("fr;q=0,de;q=0.1", "de"),
            ("*", "en"),
            ("ja;q=x,;;,,de;q=2e9999", "de"),
        ] {
            assert_eq!(of(asked).language, expected, "{asked}");
        }
    }
}

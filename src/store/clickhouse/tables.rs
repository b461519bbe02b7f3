//! The schema's source, and what becomes of it for one server and for a cluster.

/// Names of the tables, and where statements about them go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    pub cluster: Option<String>,
}

/// Inserts that each table remembers the tokens of.
const WINDOW: u32 = 10_000;
/// How long a replicated table remembers them, in seconds: a week.
const WINDOW_SECONDS: u32 = 604_800;

impl Tables {
    /// The table that is changed where rows are taken out: the one that holds them, on every shard.
    pub fn held(&self, table: &str) -> String {
        match &self.cluster {
            None => table.to_owned(),
            Some(cluster) => format!("{table}_shard ON CLUSTER '{cluster}'"),
        }
    }

    /// The statements of a migration, without its comments.
    pub fn statements(&self, source: &str) -> Vec<String> {
        let lines = source.lines().filter(|line| !line.trim_start().starts_with("--"));
        let code: Vec<&str> = lines.collect();
        let all = code.join("\n");
        let statements = all.split(';').map(str::trim).filter(|one| !one.is_empty());
        statements.flat_map(|statement| self.statement(statement)).collect()
    }

    /// A statement with its names filled in; in a cluster, followed by the table that reads all shards.
    fn statement(&self, source: &str) -> Vec<String> {
        let Some(name) = argument(source, "@name(") else { return vec![source.to_owned()] };
        let placed = source.replacen(&format!("@name({name})"), &self.held(name), 1);
        let placed = placed.replace("@window", &self.window());
        let statement = match argument(&placed, "@engine(") {
            Some(engine) => placed.replacen(&format!("@engine({engine})"), &self.engine(engine), 1),
            None => placed.clone(),
        };
        let Some(cluster) = &self.cluster else { return vec![statement] };
        let mut statements = vec![statement];
        if source.starts_with("CREATE TABLE") {
            let key =
                if source.contains("    day Date") { "cityHash64(site, day)" } else { "cityHash64(site)" };
            statements.push(format!(
                "CREATE TABLE IF NOT EXISTS {name} ON CLUSTER '{cluster}' AS {name}_shard \
                 ENGINE = Distributed('{cluster}', currentDatabase(), '{name}_shard', {key})"
            ));
        }
        statements
    }

    /// `SummingMergeTree, (rows, hits)` as an engine.
    fn engine(&self, source: &str) -> String {
        let (name, arguments) = source.split_once(", ").unwrap_or((source, ""));
        if self.cluster.is_none() {
            return format!("{name}({arguments})");
        }
        let place = "'/clickhouse/tables/{database}/{table}/{shard}', '{replica}'";
        let comma = if arguments.is_empty() { "" } else { ", " };
        format!("Replicated{name}({place}{comma}{arguments})")
    }

    fn window(&self) -> String {
        match self.cluster {
            None => format!("non_replicated_deduplication_window = {WINDOW}"),
            Some(_) => format!(
                "replicated_deduplication_window = {WINDOW}, replicated_deduplication_window_seconds = {WINDOW_SECONDS}"
            ),
        }
    }
}

/// What stands between `opening` and the parenthesis that closes it.
fn argument<'a>(text: &'a str, opening: &str) -> Option<&'a str> {
    let start = text.find(opening)? + opening.len();
    let mut depth = 1;
    let end = text[start..].find(|letter| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    Some(&text[start..start + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "-- one; two\nCREATE TABLE IF NOT EXISTS @name(ledger) (\n    site UInt32,\n    day Date\n) \
                          ENGINE = @engine(SummingMergeTree, (rows, hits))\nORDER BY (site)\nSETTINGS @window;\n";

    #[test]
    fn one_source_serves_a_server_and_a_cluster() {
        let alone = Tables::default().statements(SOURCE);
        insta::assert_snapshot!(alone.join(";\n"), @r"
        CREATE TABLE IF NOT EXISTS ledger (
            site UInt32,
            day Date
        ) ENGINE = SummingMergeTree((rows, hits))
        ORDER BY (site)
        SETTINGS non_replicated_deduplication_window = 10000
        ");
        let spread = Tables { cluster: Some("main".into()) }.statements(SOURCE);
        insta::assert_snapshot!(spread.join(";\n"), @r"
        CREATE TABLE IF NOT EXISTS ledger_shard ON CLUSTER 'main' (
            site UInt32,
            day Date
        ) ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{database}/{table}/{shard}', '{replica}', (rows, hits))
        ORDER BY (site)
        SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;
        CREATE TABLE IF NOT EXISTS ledger ON CLUSTER 'main' AS ledger_shard ENGINE = Distributed('main', currentDatabase(), 'ledger_shard', cityHash64(site, day))
        ");
    }
}

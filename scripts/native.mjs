// Lays the prebuilt libduckdb of this platform's npm package into native/, where the linker looks for it.
import { copyFileSync, existsSync, mkdirSync } from "node:fs";

const platform = `${process.platform}-${process.arch}`;
const name = process.platform === "darwin" ? "libduckdb.dylib" : "libduckdb.so";
const from = `node_modules/@duckdb/node-bindings-${platform}/${name}`;
if (!existsSync(from)) {
  console.error(
    `No prebuilt libduckdb for ${platform} (${from} is missing). Build with DuckDB compiled in instead: cargo build --release --features bundled`,
  );
  process.exit(1);
}
mkdirSync("native", { recursive: true });
copyFileSync(from, `native/${name}`);

// Builds the dashboard in each of its languages into dist/, English last: its document says that all is there.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';

const here = import.meta.dirname;
rmSync(join(here, 'dist'), { recursive: true, force: true });
for (const mode of ['de', 'fr', 'en']) {
  await build({ root: here, configFile: join(here, 'vite.config.ts'), mode, logLevel: 'warn' });
}

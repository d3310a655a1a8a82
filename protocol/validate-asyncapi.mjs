// Holds asyncapi.yaml against AsyncAPI's own parser; exits 1 with every error it finds.
import { readFile } from 'node:fs/promises';
import { Parser } from '@asyncapi/parser';

const file = new URL('./asyncapi.yaml', import.meta.url);
const { document, diagnostics } = await new Parser().parse(await readFile(file, 'utf8'));
const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 0);
for (const error of errors) {
  console.error(`${error.path.join('.')}: ${error.message}`);
}
if (errors.length > 0 || document === undefined) {
  process.exit(1);
}

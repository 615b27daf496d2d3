import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { emulatorResource } from '../src/api/emulator/resource.ts';
import { generateCrd } from '../src/api/generate-crd.ts';
import { renderReference } from '../src/api/reference.ts';
import { renderReasonReference } from '../src/contract/reason-reference.ts';
import { renderValuesSchema } from './chart/values-schema.ts';
import { runCommand, step, UserError } from './console.ts';
import { projectFolder } from './folders.ts';

const help = `usage: npm run generate [-- --check]

Writes what is made from src/api and src/contract: the CRDs (crds/ and the chart's copy), the schema of the chart's
values, and the references in docs/.

  --check   write nothing, and fail when a file is not what would be written
`;

interface GeneratedFile {
  /** Seen from the project's folder. */
  readonly path: string;
  readonly text: string;
}

function generatedFiles(): readonly GeneratedFile[] {
  const crd = generateCrd(emulatorResource);
  const name = `${crd.spec.group}_${crd.spec.names.plural}.yaml`;
  const yaml = `# Generated from src/api by \`npm run generate\`.\n${stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false })}`;
  return [
    { path: `crds/${name}`, text: yaml },
    { path: `helm/loco-operator/crds/${name}`, text: yaml },
    { path: 'helm/loco-operator/values.schema.json', text: renderValuesSchema() },
    { path: 'docs/reference/api.md', text: renderReference(emulatorResource) },
    { path: 'docs/reference/reasons.md', text: renderReasonReference() },
  ];
}

async function differs({ path, text }: GeneratedFile): Promise<boolean> {
  const found = await readFile(join(projectFolder, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return found !== text;
}

async function write({ path, text }: GeneratedFile): Promise<void> {
  const target = join(projectFolder, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
  step(`Wrote ${path}`);
}

await runCommand(async () => {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const stale: GeneratedFile[] = [];
  for (const file of generatedFiles()) if (await differs(file)) stale.push(file);
  if (values.check && stale.length > 0) {
    const paths = stale.map((file) => file.path).join(', ');
    throw new UserError(`${paths}: not what the schemas in src/api give. Run: npm run generate`);
  }
  for (const file of stale) await write(file);
});

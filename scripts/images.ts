import { parseArgs } from 'node:util';
import { runCommand, UserError } from './console.ts';
import { buildImages, buildPlainImages } from './images/index.ts';

const HELP = `npm run images -- [--builtin FILE] [--tag TAG]

Builds the images with docker, podman or buildah, whichever answers first (Debian's buildah is installed where none
does), and prints their names. What was built from the same content before is not built again.

  --builtin FILE  also build a machine image with this qcow2 disk inside; a disk that no machine could use is refused
                  before anything is built
  --tag TAG       tag the images with this instead of a tag derived from their content
  --help          this text
`;

function readOptions(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: { builtin: { type: 'string' }, tag: { type: 'string' }, help: { type: 'boolean' } },
    }).values;
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  }
}

await runCommand(async () => {
  const { builtin, tag, help } = readOptions(process.argv.slice(2));
  if (help === true) {
    process.stdout.write(HELP);
    return;
  }
  const images = builtin === undefined ? await buildPlainImages({ tag }) : await buildImages({ builtin, tag });
  process.stdout.write(`${Object.values(images).join('\n')}\n`);
});

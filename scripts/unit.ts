import { runCommand } from './console.ts';
import { runVitest } from './vitest.ts';

await runCommand(async () => {
  const counts = await runVitest('unit', process.argv.slice(2));
  if (counts.failed > 0) process.exitCode = 1;
});

import { lintChecks, runCheck } from './checks.ts';
import { runCommand } from './console.ts';

await runCommand(async () => {
  for (const check of lintChecks) {
    if (!(await runCheck(check))) process.exitCode = 1;
  }
});

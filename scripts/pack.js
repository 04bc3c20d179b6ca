// Before `npm pack`: compiles the sources, since Node runs no TypeScript under node_modules.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
cpSync('adapters/web/page', 'dist/adapters/web/page', { recursive: true });
cpSync('src/store/empty-database.zst', 'dist/src/store/empty-database.zst');

import type { command as en } from '../en/command.ts';

export const command = {
  'command.missing': '/ 뒤에 명령을 적어 주세요. 쓸 수 있는 명령: {names}',
  'command.unknown': '/{name} 명령은 없어요. {offer}',
  'command.no_subcommand': '/{command} 명령에 {name} 항목은 없어요. {offer}',
} as const satisfies Record<keyof typeof en, string>;

import type { help as en } from '../en/help.ts';

export const help = {
  'help.no_command': '/{name} 명령은 없어요. {offer}',
  'help.text': '그리고 싶은 것을 글로 보내면 그려 드려요. 그림에 글로 답장하면 그 그림을 바꿔요.',
  'help.try': '이렇게 해 보세요',
  'help.words': '이 작은 모델이 가장 잘 아는 말: {words}',
  'help.model': '여기서 그리는 모델: {name} ({abilities}).',
  'help.option': '{flag}: {description} ({range})',
  'help.description': '{description} ({range})',
  'help.usage': '{description} {usage}',
} as const satisfies Record<keyof typeof en, string>;

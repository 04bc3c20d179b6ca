import type { command as en } from '../en/command.ts';

export const command = {
  'command.missing': '/ 뒤에 명령을 적어 주세요. 쓸 수 있는 명령: {names}',
  'command.unknown': '/{name} 명령은 없어요. {offer}',
  'command.no_subcommand': '/{command} 명령에 {name} 항목은 없어요. {offer}',
  'command.meant_line': '혹시 이 명령인가요? {line}',
  'command.is_flag':
    '/{name} 명령은 없어요. 설정은 그림을 설명하는 말 뒤에 써 주세요: /imagine 빨간 머그컵 --{name} {rest}',
  'command.or_picture':
    '명령일 수도 있어요: {lines}. 이 말대로 그림을 그리려면 이렇게 써 주세요: /imagine {words}',
  'command.as_words': '적힌 그대로 그렸어요. 명령이었다면 빗금(/)으로 시작해 주세요: {line}',
  'command.unknown_option': '알 수 없는 옵션이에요: {name}. {offer}',
  'command.unknown_flag': '알 수 없는 플래그예요: {flag}. {offer}',
  'command.not_a_value': '{flag}에 쓸 수 없는 값이에요: {value}. {offer}',
  'command.wrong_mention':
    '{flag}에는 {wanted, select, user {사용자} role {역할} other {채널}} 하나가 필요한데 종류가 달라요: {value} ({given, select, user {사용자} role {역할} other {채널}})',
  'command.not_whole': '{flag} {value}: {min}에서 {max} 사이의 정수가 아니에요.',
  'command.not_number': '{flag} {value}: {min}에서 {max} 사이의 수가 아니에요.',
  'command.outside': '{flag} {value}: {min}에서 {max} 사이를 벗어났어요. {near} 값으로 시도해 보세요.',
  'command.not_integer': '{flag} {value}: 정수가 아니에요. {near} 값으로 시도해 보세요.',
  'command.range': '{min}~{max}',
  'command.needs_value': '{flag} 뒤에 값이 필요해요. 예: {flag} {example}',
  'command.twice': '{flag} 옵션이 여러 번 있어서 마지막 값({value})을 썼어요.',
  'command.no_words': '/{name} 뒤에는 아무것도 적지 않아요. /{name}만 보내 주세요.',
  'command.nothing_more': '/{name}에서 그 뒤에는 아무것도 쓸 수 없어요. 이 부분을 빼 주세요: {words}',
  'command.size_twice': '--size {size}, --ar {ar} 둘 다 크기를 정해요. 하나를 빼 주세요.',
  'command.first_of_several': '명령 {count}개 중 첫 번째만 읽었어요. 하나씩 따로 보내 주세요.',
  'command.other_parameters': '다른 프로그램의 매개변수로 보고, 읽을 수 있는 값만 썼어요.',
  'foreign.size': '여기에서는 {flag} 대신 --size 가로x세로로 적어요.',
  'foreign.model': '{flag}: Midjourney의 플래그예요. 모델은 --model로 골라요.',
  'foreign.quality': '{flag}: Midjourney의 플래그예요. 더 섬세하게는 --steps, 더 크게는 --upscale을 써요.',
  'foreign.stylize':
    '{flag}: Midjourney의 플래그예요. 프롬프트를 따르는 정도는 --cfg로 정하고, 화풍은 /style list에 있어요.',
  'foreign.chaos': '{flag}: Midjourney의 플래그예요. 서로 다른 그림 여러 장은 --n 4로 받아요.',
  'foreign.weight': '{flag}: Midjourney의 플래그예요. 원래 그림을 얼마나 남길지는 --strength로 정해요.',
  'foreign.not_here': '{flag}: Midjourney의 플래그예요. 여기에는 없으니 빼 주세요.',
  'foreign.turns': '{flag}: Midjourney의 플래그예요. 여기에서는 작업이 공평하게 차례대로 진행되니 빼 주세요.',
} as const satisfies Record<keyof typeof en, string>;

import type { sweep as en } from '../en/sweep.ts';

export const sweep = {
  'describe.sweep': '옵션 한 개에서 세 개까지 값을 바꿔 가며 그리고 이름표가 붙은 표 한 장으로 보여 줘요.',
  'describe.sweep.prompt': '무엇을 그릴지, 그리고 값: steps=10,20,30 cfg=3..9+2',
  'button.start': '시작',
  'sweep.no_axis':
    '어떤 옵션을 바꿀지 적어 주세요. 예: /sweep a red mug steps=10,20,30 cfg=3..9+2. 값은 쉼표로 나열하거나 범위로 적어요. 3..9+2는 3, 5, 7, 9예요.',
  'sweep.many_axes':
    '옵션 {count}개를 바꾸려고 했지만 열, 행, 판의 {limit}개까지 가능해요. 나머지는 --steps 20처럼 값 하나로 정해 주세요.',
  'sweep.axis_twice': '{option} 옵션이 두 번 나와요. {option}=1,2,3처럼 한 목록에 모아 주세요.',
  'sweep.value_twice': '{option} 옵션에 같은 값이 두 번 있어요: {value}. 하나를 빼 주세요.',
  'sweep.bad_values':
    '{option}={typed}: 읽을 수 없어요. 값을 쉼표로 나열하거나(10,20,30) 숫자 범위로 적어 주세요. 3..9+2는 3, 5, 7, 9이고 1..0-0.5는 1, 0.5, 0이에요.',
  'sweep.unknown_option': '바꿀 수 있는 옵션 중에 {name} 옵션은 없어요. {offer}',
  'sweep.too_many': '이 스윕은 그림을 {count}장 넘게 만들어요. 한도는 {limit}장이에요. 값을 줄여 주세요.',
  'sweep.of_pictures': '그림 {count, plural, other {#}}장의 스윕',
  'sweep.one_each': '스윕은 값마다 그림을 한 장씩 그려요. --n을 빼거나 시드를 바꿔 보세요: seed=1..4.',
  'sweep.no_draft': '스윕은 초안을 그리지 않아요. --draft를 빼 주세요. --steps 4처럼 단계를 줄여도 빨라요.',
  'sweep.offer': '이 스윕은 그림 {count, plural, other {#}}장을 만들고 GPU 시간이 약 {time} 걸려요.',
  'sweep.of_day': '24시간 동안 쓸 수 있는 GPU {limit}초 중 {seconds}초예요.',
  'sweep.of_waiting': '그림 {limit}장까지 대기할 수 있고, 이 스윕이 {count}장을 차지해요.',
  'sweep.not_yours': '{name} 님만 이 스윕을 시작하거나 취소할 수 있어요.',
  'sweep.is_started': '이 스윕은 이미 시작했거나 취소했어요.',
  'sweep.is_none': '스윕이 아니에요.',
  'sweep.open_one': '그림 {count}장의 스윕이에요. 먼저 그중 하나를 열어 주세요. 버튼은 거기에 있어요.',
  'sweep.progress': '그림 {steps}장 중 {step}장, {time} 남음',
  'sweep.pictures': '그림 {count, plural, other {#}}장',
  'sweep.open': '그림 열기',
  'sweep.open_further': '그림 열기 ({first}~{last})',
  'sweep.alt': '{prompt}: 서로 다른 옵션({options})으로 그린 그림 표',
  'sweep.cell_alt': '{prompt} ({label})',
  'sweep.made_by': '이 스윕을 다시 만드는 명령:',
  'sweep.cell_failed': '{label} 실패: {reason}',
  'sweep.more_failed': '{count, plural, other {#}}장이 더 실패했어요.',
  'sweep.cancelled_cells': '취소했어요. 그림 {of}장 중 {count}장은 그리지 않았어요.',
  'sweep.failed_here': '실패: {reason}',
  'sweep.held_here': '검토를 기다려요',
  'sweep.cancelled_here': '취소됨',
  'sweep.cell_gone': '삭제됨',
  'quota.sweep_at_once':
    '이 스윕은 그림 {count}장을 만들지만 최대 {limit}장까지 대기할 수 있어요. {limit}장 이하가 되도록 값을 줄여 주세요.',
  'quota.sweep_beyond_own':
    '이 스윕은 GPU 시간이 약 {cost}초 걸리고 한도는 24시간에 {limit}초예요. 값이나 단계를 줄이거나 더 작은 크기를 골라 주세요.',
  'quota.sweep_beyond_server':
    '이 스윕은 GPU 시간이 약 {cost}초 걸리고 서버의 한도는 24시간에 {limit}초예요. 값이나 단계를 줄이거나 더 작은 크기를 골라 주세요.',
  'setting.max_sweep': '스윕 하나는 그림을 최대 {count, plural, other {#}}장까지 만들어요.',
  'setting.no_sweeps': '스윕을 쓸 수 없어요.',
} as const satisfies Record<keyof typeof en, string>;

import type { recipe as en } from '../en/recipe.ts';

export const recipe = {
  'recipe.hidden': '여기에서는 레시피를 공개하지 않아요. {name} 님과 관리자만 볼 수 있어요.',
  'recipe.whose': '어떤 그림의 레시피인가요? 그림에 /recipe로 답장하거나 그림을 첨부해 주세요.',
  'recipe.made_by': '이 그림을 만든 값:',
  'recipe.made_by_file': '파일에 적힌, 이 그림을 만든 값:',
  'recipe.made_by_program': '{program} 프로그램이 적어 둔, 이 그림을 만든 값:',
  'recipe.none': '이 그림에는 레시피가 없어요. 다른 프로그램에서 다시 저장하면 사라지는 경우가 많아요.',
  'recipe.as_far': '두 프로그램에서 뜻이 같은 값만 명령에 담았어요. 그림은 다를 수 있어요.',
  'recipe.as_far_model':
    '두 프로그램에서 뜻이 같은 값만 명령에 담았어요. 그림은 다를 수 있어요. 원래 모델: {model}. 여기에 있는 모델을 쓰려면 --model을 붙여 주세요.',
  'recipe.not_carried': '명령에 다 담을 수 없는 값이 있어요. {missing}',
  'recipe.prompt': '프롬프트',
  'recipe.negative': '제외 프롬프트',
  'recipe.model': '모델',
  'recipe.seed': '시드',
  'recipe.steps': '단계 수',
  'recipe.guidance': '가이던스',
  'recipe.sampler': '샘플러',
  'recipe.schedule': '스케줄',
  'recipe.size': '크기',
  'recipe.strength': '강도',
  'recipe.parameters': '매개변수',
  'recipe.command': '명령',
} as const satisfies Record<keyof typeof en, string>;

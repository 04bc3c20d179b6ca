import type { policy as en } from '../en/policy.ts';

export const policy = {
  'policy.banned': '관리자가 회원님의 그림 요청을 막아 두었어요.',
  'policy.paused': '관리자가 새 그림 요청을 잠시 멈춰 두었어요. 나중에 다시 시도해 주세요.',
  'policy.which_tenant':
    '어느 {tenant} 소속인지 알 수 없어요. 제가 들어가 있는 {tenant}의 채널에서 요청해 주세요.',
  'policy.only_roles': '여기에서는 {roles}만 그림을 요청할 수 있어요.',
  'policy.age_restricted':
    '여기에서는 연령 제한 채널에서만 그림을 그릴 수 있어요. 그런 채널에서 요청해 주세요.',
  'policy.other_channels': '이 채널에서는 그림을 그릴 수 없어요. 다음 채널에서 요청해 주세요: {channels}',
  'policy.no_direct': '회원님의 {tenant}에서는 DM으로 그림을 그릴 수 없어요. 채널에서 요청해 주세요.',
  'policy.model': '{model} 모델은 여기에서 쓸 수 없어요. {whose} 설정이 허용하는 모델: {models}',
  'policy.at_most':
    '{asked} 요청은 한도를 넘어요. {whose} 한도: {limit} ({key}). {limit} 값으로 시도해 보세요.',
  'policy.steps': '{steps}단계',
  'policy.pictures': '그림 {count}장',
  'policy.whose.server': '이 서버의',
  'policy.whose.channel': '이 채널의',
  'policy.whose.role': '내 역할의',
  'policy.whose.user': '내',
  'policy.admins_only': '설정은 {admins}, 그리고 admin_roles에 있는 역할만 바꿀 수 있어요.',
  'platform.web': '웹 채팅',
  'platform.discord': 'Discord',
  'platform.slack': 'Slack',
  'platform.web.tenant': '채팅',
  'platform.discord.tenant': '서버',
  'platform.slack.tenant': '워크스페이스',
  'platform.web.admins': '이 채팅의 운영자와 관리자',
  'platform.discord.admins': '이 서버를 관리할 수 있는 멤버',
  'platform.slack.admins': '이 워크스페이스의 관리자',
  'target.no_such_kind':
    '{platform}에는 {kind, select, user {사용자} role {역할} other {채널}} 기능이 없어요.',
  'target.other_kind':
    '{typed}: {kind, select, user {사용자} role {역할} other {채널}} 자리에 {given, select, user {사용자} role {역할} other {채널}} 이름이 들어왔어요.',
  'target.missing': '어느 {kind, select, user {사용자} role {역할} other {채널}}인지 써 주세요.',
  'target.none':
    '이 {tenant}에는 {name} {kind, select, user {사용자} role {역할} other {채널}} 항목이 없어요. 어느 것인지 알 수 있게 멘션해 주세요.',
} as const satisfies Record<keyof typeof en, string>;

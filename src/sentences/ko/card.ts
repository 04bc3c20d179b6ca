import type { card as en } from '../en/card.ts';

export const card = {
  'card.more': '더 보기',
  'card.picture': '그림',
  'card.several_pictures': '그림 {count}장: {alt}',
  'card.in_progress': '그리는 중인 그림',
  'card.for': '{name} 님의 요청',
  'card.origin': '{what} (원본: {picture})',
  'card.this_picture': '이 그림',
  'card.another_picture': '다른 그림',
  'card.attached_picture': '첨부한 그림',
  'discord.menu.edit': '그림 편집',
  'discord.menu.use': '그림 활용하기',
  'platform.job_message_deleted': '이 작업의 메시지가 삭제됐어요.',
  'platform.message_gone': '그 메시지가 삭제됐거나, 채널을 읽을 수 없어요.',
  'platform.no_picture': '그 메시지에는 그림이 없어요. 그림이 있는 메시지를 골라 주세요.',
  'platform.old_form': '양식이 오래됐어요. 다시 열어 주세요.',
  'discord.may_not_post':
    '이 채널에 그림을 올릴 수 없어요. 서버 관리자에게 메시지 보내기와 파일 첨부 권한을 요청해 주세요.',
  'discord.may_not_see_and_post':
    '이 채널에 그림을 올릴 수 없어요. 서버 관리자에게 채널 보기, 메시지 보내기, 파일 첨부 권한을 요청해 주세요.',
  'discord.may_not_see': '이 채널을 볼 수 없어요. 서버 관리자에게 채널 보기 권한을 요청해 주세요.',
  'discord.thread_closed': '보관됐거나 잠긴 스레드예요. 다시 연 뒤 요청해 주세요.',
  'discord.no_direct': 'DM을 보낼 수 없어요. 이 서버에서 보내는 DM을 허용하거나 슬래시 명령을 써 주세요.',
  'discord.private_needs_direct':
    '나에게만 보이는 답인데, DM을 받지 않도록 설정돼 있어요. 슬래시 명령을 써 주세요.',
  'discord.refused': 'Discord가 이 메시지를 거절했어요(코드 {code}).',
  'discord.no_channel': '이 서버에는 제가 쓸 수 있는 {channel} 채널이 없어요.',
  'slack.may_not_post': '이 채널에 글을 올릴 수 없어요. /invite @Darkroom으로 초대한 뒤 다시 요청해 주세요.',
  'slack.restricted':
    '이 채널에는 일부 멤버만 글을 올릴 수 있어요. 워크스페이스 소유자가 이 앱을 허용하거나, 다른 채널에서 요청해 주세요.',
  'slack.no_scope':
    '이 앱에 워크스페이스 권한이 부족해요. 운영자가 `darkroom doctor --slack`으로 확인하고 앱을 다시 설치해야 해요.',
  'slack.archived': '보관된 채널이에요. 다른 채널에서 요청해 주세요.',
  'slack.refused': 'Slack이 이 메시지를 거절했어요({code}).',
  'slack.no_channel': '이 워크스페이스에는 {channel} 채널이 없어요.',
  'media.gone': '더 이상 없는 그림이에요. 다시 첨부해 주세요.',
  'media.not_fetched': '그림을 가져오지 못했어요. 다시 첨부해 주세요.',
  'media.cut_off': '그림을 끝까지 읽지 못했어요. 다시 첨부해 주세요.',
  'media.too_large': '그림이 {limit}MB보다 커요. 더 작은 그림을 보내 주세요.',
  'media.file_too_large':
    '{name}: {size}MB예요. 최대 {limit}MB까지 보낼 수 있어요. 더 작은 그림을 첨부해 주세요.',
  'media.redirected': '그림 주소가 {count}번 넘게 다른 주소로 옮겨 갔어요. 그림을 다시 첨부해 주세요.',
  'media.only_here': '그림은 이 채팅에서만 가져올 수 있어요. 메시지에 그림을 첨부해 주세요.',
  'slack.file_not_seen': '그 파일이 삭제됐거나 볼 수 없는 파일이에요. 그림을 직접 첨부해 주세요.',
  'card.hidden': '그림 검사에서 가려진 그림이에요. 그림 보기를 누르면 나에게만 보여요.',
} as const satisfies Record<keyof typeof en, string>;

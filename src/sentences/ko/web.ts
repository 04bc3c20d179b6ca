import type { web as en } from '../en/web.ts';

export const web = {
  'web.message_gone': '더 이상 없는 메시지예요. 다른 메시지를 골라 주세요.',
  'web.button_gone': '그 메시지에는 이제 이 버튼이 없어요.',
  'web.no_address': '없는 주소예요: {call}',
  'web.wrong_host':
    '이 채팅의 주소는 {own}이고 {host} 주소로는 열 수 없어요. 리버스 프록시 뒤라면 DARKROOM_URL에 공개 주소를 설정해 주세요.',
  'web.wrong_origin':
    '{origin} 페이지에서 보낸 요청은 받지 않아요. 채팅을 직접 열어 주세요. 리버스 프록시 뒤라면 DARKROOM_URL에 공개 주소를 설정해 주세요.',
  'web.no_job': '없는 작업이에요.',
  'web.picture_gone': '더 이상 없는 그림이에요.',
  'web.not_yours': '{name} 님의 메시지예요. 내 메시지만 삭제할 수 있어요.',
  'web.chat_full': '지금 채팅을 연 사람이 너무 많아요. 1분 뒤에 다시 시도해 주세요.',
  'web.open_windows': '같은 네트워크에서 채팅을 {count}개 열어 두었어요. 창을 몇 개 닫아 주세요.',
  'web.many_pictures':
    '같은 네트워크에서 짧은 시간에 그림을 많이 보냈어요. {seconds}초 기다린 뒤 다시 보내 주세요.',
  'web.many_requests':
    '짧은 시간에 요청을 {count}번 넘게 보냈어요. {seconds}초 기다린 뒤 다시 시도해 주세요.',
  'web.many_from_network':
    '같은 네트워크에서 짧은 시간에 요청을 너무 많이 보냈어요. {seconds}초 기다린 뒤 다시 시도해 주세요.',
  'web.many_visitors': '같은 네트워크에서 새 방문자가 너무 많이 왔어요. {seconds}초 뒤에 다시 시도해 주세요.',
  'web.many_visitors_page':
    '같은 네트워크에서 새 방문자가 너무 많이 왔어요. 몇 분 기다린 뒤 채팅을 다시 열어 주세요.',
  'web.many_tokens':
    '같은 네트워크에서 잘못된 토큰을 너무 많이 보냈어요. {seconds}초 기다린 뒤 다시 시도해 주세요.',
  'web.wrong_token': '이 채팅의 토큰이 아니에요. 운영자에게 물어봐 주세요.',
  'web.needs_token':
    '토큰이 필요한 채팅이에요. ?token=…을 붙여 한 번 열거나 Authorization: Bearer …를 보내 주세요.',
  'web.upload_stopped': '업로드가 끝나기 전에 멈췄어요. 메시지를 다시 보내 주세요.',
  'web.message_too_large': '메시지가 {limit}보다 커요. 글을 줄이거나, 그림을 더 작게 또는 적게 보내 주세요.',
  'web.uploads_open': '아직 끝나지 않은 업로드가 {count}개 있어요. 하나가 끝난 뒤 다시 보내 주세요.',
  'web.uploads_full': '지금 진행 중인 업로드가 너무 많아요. 몇 초 뒤에 다시 보내 주세요.',
  'web.too_many_files': '파일은 최대 {limit}개까지 첨부할 수 있어요. 더 적게 보내 주세요.',
  'web.text_too_long': '메시지는 최대 {limit}자까지 쓸 수 있어요. 줄여 주세요.',
  'web.form_damaged': '양식이 불완전하거나 손상됐어요. 다시 보내 주세요.',
  'web.name_needs_link':
    '{name} 이름을 쓰려면 운영자가 주는 링크가 필요해요. 링크를 받거나 다른 이름을 골라 주세요.',
  'web.status_by_admins': '이 페이지는 이 채팅의 운영자와 관리자만 볼 수 있어요.',
  'web.links_by_admins': '링크는 이 채팅의 운영자와 관리자만 만들 수 있어요.',
  'web.admin_link_by_operator':
    '관리자용 링크는 운영자만 만들 수 있어요. 서버에서는 `darkroom people link NAME --admin`으로 만들어요.',
  'web.held_link_by_operator':
    '{name} 이름의 링크는 운영자만 만들 수 있어요. 관리자의 이름이거나 이미 링크로 받은 사람이 있어요.',
  'web.operator_needs_none': '{name} 님은 운영자라서 링크가 필요 없어요.',
  'web.other_person':
    '이 브라우저의 사용자는 {name} 님이에요. {owner} 님의 브라우저에서 링크를 열어 주세요. 링크는 아직 쓸 수 있어요.',
  'web.the_operator': '운영자',
  'web.bad_name': '이름은 글자, 숫자, 공백, . _ -로 1~40자이고, Darkroom이나 guest-…는 쓸 수 없어요.',
  'web.mixed_name': '{name}: 비슷하게 생긴 두 문자 체계가 섞여 있어요. 한 가지만 써 주세요.',
  'web.link_used': '이미 쓴 링크이거나 24시간이 지난 링크예요. 새 링크를 요청해 주세요.',
  'web.open_chat': '채팅 열기',
  'web.choose_name': '이름 정하기',
  'web.token': '토큰',
  'web.token_hint': '이 채팅의 운영자에게 받은 토큰이에요.',
  'web.name': '이름',
  'web.name_hint': '다른 사람에게 보이는 이름이에요. 비워 두면 번호가 붙은 게스트가 돼요.',
  'web.come_in': '{name} 이름으로 들어가기',
  'web.link_hint': '이 링크는 이 브라우저에서 한 번만 채팅을 열 수 있어요.',
  'web.title.forbidden': '허용되지 않음',
  'web.title.not_found': '찾을 수 없음',
  'web.title.too_many': '요청이 너무 많음',
  'web.title.internal': '문제가 생겼어요',
  'web.title.other': '할 수 없는 일이에요',
  'web.many_links': '아직 쓰지 않은 링크가 {count}개 있어요. {hours}시간이 지나면 만료돼요.',
  'web.name_taken': '{name}: 다른 사람의 이름이에요. 다른 이름을 골라 주세요.',
  'web.many_names': '이름을 {count}개 썼고 모두 내 이름으로 남아 있어요. 그중에서 다시 골라 주세요.',
} as const satisfies Record<keyof typeof en, string>;

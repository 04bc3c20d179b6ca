import type { download as en } from '../en/download.ts';

export const download = {
  'download.not_allowed':
    '{what}의 모델은 여기에서 받을 수 없어요. 운영자가 허용한 곳: {allowed} (DARKROOM_MODELS_ADD)',
  'download.not_from_chats':
    '여기에서는 채팅으로 모델을 받을 수 없어요. 운영자가 DARKROOM_MODELS_ADD로 허용하거나 darkroom models add를 실행할 수 있어요.',
  'download.draws_nothing':
    '이 프로세스는 그림을 그리지 않아요. 워커가 있는 기기에서 darkroom models add를 실행해 주세요.',
  'download.queue_full': '이미 내려받기 {count}개가 기다리고 있어요. 몇 개가 끝난 뒤에 다시 시도해 주세요.',
  'download.waiting': '다른 내려받기 {count}개를 기다리는 중',
  'download.share': '{total} 중 {bytes}',
  'download.pace': '{total} 중 {bytes}, 초당 {rate}, {time} 남음',
  'download.seconds': '{count}초',
  'download.minutes': '{count}분',
  'download.fact.model': '모델',
  'download.fact.page': '페이지',
  'download.fact.licence': '라이선스',
  'download.fact.access': '접근 권한',
  'download.fact.size': '크기',
  'download.fact.cached': '캐시',
  'download.fact.format': '형식',
  'download.fact.note': '참고',
  'download.no_licence': '표시 없음',
  'download.files': '파일 {count, plural, other {#개}}, {size}',
  'download.in_cache': '그중 {count}개는 이 기기의 Hub 캐시에 있어요',
  'download.pickles': 'PyTorch 피클. Darkroom은 코드를 실행하지 않고 읽어요',
  'download.no_address':
    '{text}: 모델의 주소가 아니에요. Hugging Face Hub의 owner/name이나 owner/name@revision, civitai:번호, 또는 페이지나 파일의 주소를 적어 주세요.',
  'download.other_file':
    '{host}에 있는 파일: {file}. Darkroom은 .safetensors와 PyTorch의 .ckpt, .pt, .pth, .bin을 받아요.',
  'download.not_https': '{host}에서 https가 아닌 주소로 옮겨 가서 따라가지 않았어요.',
  'download.redirects': '{host}에서 주소가 {limit}번 넘게 옮겨 갔어요.',
  'download.stopped': '내려받기를 멈췄어요.',
  'download.long_answer': '{host}의 응답이 {limit}바이트를 넘었어요.',
  'download.not_hashed':
    '{host}에서 아직 {name} 파일의 해시를 계산하지 않았어요. 몇 분 뒤에 다시 시도해 주세요.',
  'download.no_version': '{host}의 모델 {model}: 내려받을 수 있는 버전이 없어요.',
  'download.other_version': '{host}의 모델 {model}: 버전 {version}: 없는 버전이에요. 있는 버전: {known}',
  'download.no_weights': '이 버전에 있는 파일: {names}. Darkroom은 .safetensors와 PyTorch의 파일을 받아요.',
  'download.wants_account':
    '{host}에서 {what} 항목을 받으려면 계정이 필요해요. 계정 설정에서 API 키를 만들어 CIVITAI_TOKEN에 넣어 주세요.',
  'download.account_refused':
    '{host}에서 CIVITAI_TOKEN의 계정으로는 {what} 항목을 받을 수 없어요. 그 페이지에서 무엇이 필요한지 확인해 주세요.',
  'download.no_number': '{host}에 {what} 항목이 없어요. 번호를 확인해 주세요.',
  'download.status': '{host}에서 {what} 요청에 {status} 응답을 보냈어요. 나중에 다시 시도해 주세요.',
  'download.not_civitai': '{host}의 응답이 Civitai와 달라요. 나중에 다시 시도해 주세요.',
  'download.in_the_way': '{path}: 같은 이름의 다른 모델이 이미 있어요. 먼저 이름을 바꾸거나 지워 주세요.',
  'download.no_room':
    '{folder}의 공간이 부족해요. 필요한 공간: {wanted}, 남은 공간: {free}. 공간을 비우거나 --to로 다른 폴더를 정해 주세요.',
  'download.damaged':
    '{file} 파일이 손상된 채로 왔어요. {what} 값이 {host}에 적힌 것과 달라요. 명령을 다시 실행해 주세요.',
  'download.larger': '{file} 파일이 {host}에 적힌 {bytes}바이트보다 커요.',
  'download.not_stored': '{file} 파일을 저장할 수 없어요: {reason}. 받은 부분은 남아 있어요.',
  'download.no_safetensors': '{part}에 safetensors 가중치가 없어요. 있는 파일: {names}',
  'download.no_model':
    '{page}: Darkroom이 읽을 수 있는 모델이 없어요. diffusers 파이프라인도 .safetensors 파일도 아니에요.',
  'download.many_files': '{repository}에 파일이 {limit}개 넘게 있어요. 모델이 아니에요.',
  'download.no_file': '{repository}의 리비전 {revision}에 {file} 파일이 없어요.',
  'download.bad_index': '{repository}의 model_index.json이 JSON 객체가 아니에요.',
  'download.gated':
    '{repository}: 약관 동의가 필요한 모델이에요. {page}에서 동의하고 토큰을 만들어 HF_TOKEN에 넣어 주세요.',
  'download.token_refused':
    'HF_TOKEN의 토큰으로 {repository} 모델을 읽을 수 없어요. 그 토큰의 계정으로 {page}에서 약관에 동의해 주세요.',
  'download.not_public':
    '{host}에 누구나 읽을 수 있는 {repository} 모델이 없어요. 이름을 확인하거나, 읽을 수 있는 토큰을 HF_TOKEN에 넣어 주세요.',
  'download.bad_token':
    '{host}에서 {repository} 모델에 HF_TOKEN의 토큰을 받아 주지 않았어요. 이름과 토큰을 확인해 주세요.',
  'download.no_revision': '{repository}: {revision} 리비전이 없어요.',
  'download.no_repository': '{host}에 {repository} 모델이 없어요. 이름을 확인해 주세요.',
  'download.not_hub': '{host}의 응답이 Hugging Face Hub와 달라요. HF_ENDPOINT를 확인해 주세요.',
  'download.no_size':
    '{host}에서 파일 크기를 알려 주지 않았어요. 다른 방법으로 내려받아 DARKROOM_MODELS 폴더에 넣어 주세요.',
  'download.packed':
    '{host}에서 파일을 압축해서 보내 크기를 확인할 수 없어요. 다른 방법으로 내려받아 DARKROOM_MODELS 폴더에 넣어 주세요.',
  'download.not_readable': '{host}의 {path}: 누구나 읽을 수 있는 파일이 아니에요({status}).',
  'download.no_sha256': '서버가 SHA-256을 알려 주지 않아 파일을 크기와 헤더로만 확인해요',
  'download.url_status': '{host}에서 {path} 요청에 {status} 응답을 보냈어요.',
  'download.asks_to_wait':
    '{what}. {minutes}분 기다려 달라고 해요. 그 뒤에 다시 시도해 주세요. 받은 부분은 남아 있어요.',
  'download.failed_often':
    '{what}. 연달아 {count}번 실패했어요. 네트워크를 확인하고 다시 시도해 주세요. 받은 부분은 남아 있어요.',
  'download.only_pickles': 'safetensors 파일이 없어 PyTorch 피클을 받아요',
  'download.only_pickles_of': '{part}: safetensors 파일이 없어 PyTorch 피클을 받아요',
  'download.pickle_scan': 'Civitai의 피클 검사 결과: {result}',
  'download.virus_scan': 'Civitai의 바이러스 검사 결과: {result}',
  'download.reason.unreachable': '{host}에 연결할 수 없어요',
  'download.reason.answered': '{host}에서 {status} 응답을 보냈어요',
  'download.reason.broke_off': '{host}에서 전송이 끊겼어요',
  'download.reason.slow': '{host}에서 데이터를 거의 보내지 않아요',
  'download.reason.no_part': '{host}에 {file} 파일의 나머지가 없어요',
} as const satisfies Record<keyof typeof en, string>;

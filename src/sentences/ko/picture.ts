import type { picture as en } from '../en/picture.ts';

export const picture = {
  'picture.json':
    '그림이 아니라 JSON 파일이에요. 그 안의 자세를 따라 그리려면 --control openpose를 붙여 주세요.',
  'picture.frames': '그림에 프레임이 {count}개 있어요. 한 프레임만 쓸 수 있으니 한 장만 보내 주세요.',
  'picture.cut_short': '{format} 파일이 손상됐거나 잘렸어요. 다시 저장해서 보내 주세요. {another}',
  'picture.damaged': '{format} 파일이 손상돼서 읽을 수 없어요. {another}',
  'picture.pixels':
    '그림이 {width}x{height} 크기예요. 최대 {limit}메가픽셀까지 쓸 수 있어요. 1024x1024처럼 더 작은 그림을 보내 주세요.',
  'picture.ratio':
    '그림이 {width}x{height} 크기예요. 긴 변은 짧은 변의 {limit}배까지만 쓸 수 있어요. 잘라서 보내 주세요.',
  'picture.buffer':
    '{width}x{height} 그림을 풀면 {size}MB예요. 한도는 {limit}MB예요. JPEG로, 또는 더 작게 보내 주세요.',
  'picture.depth':
    '{format} 파일의 색 깊이: {depth}. 8비트와 16비트만 읽을 수 있으니 그렇게 PNG로 저장해 주세요.',
  'picture.reading_many': '지금 읽고 있는 그림이 너무 많아요. 1분 뒤에 다시 보내 주세요.',
  'picture.stopping': 'Darkroom이 멈추는 중이에요. 그림을 다시 보내 주세요.',
  'picture.slow': '그림을 읽는 데 {seconds}초가 넘게 걸려요. PNG나 JPEG로 저장해서 다시 보내 주세요.',
  'picture.memory': '그림을 읽는 데 메모리가 {limit}MB 넘게 필요해요. 더 작은 PNG나 JPEG를 보내 주세요.',
  'picture.broken': '그림이 손상됐어요. PNG나 JPEG로 다시 저장해서 보내 주세요.',
  'picture.mask_black': '마스크가 모두 검은색이라 다시 그릴 곳이 없어요. 바꿀 부분을 흰색으로 칠해 주세요.',
  'picture.mask_white': '마스크가 모두 흰색이라 그림 전체를 다시 그려요.',
  'picture.mask_white_part': '마스크의 흰 부분을 다시 그려요.',
  'picture.mask_clear_part': '마스크의 투명한 부분을 다시 그려요.',
  'picture.mask_refused': '마스크를 쓸 수 없어요. {reason}',
  'picture.control_needs': '{kind} 컨트롤에는 그림이 필요해요. 그림을 첨부해 주세요.',
  'picture.control_refused': '{kind} 그림을 쓸 수 없어요. {reason}',
  'picture.empty': '파일이 비어 있어요. {another}',
  'picture.hands': '손과 얼굴의 키포인트는 그리지 않고 몸만 따라 그려요.',
  'picture.is.svg': 'SVG 파일에는 픽셀이 없어서 쓸 수 없어요.',
  'picture.is.web_page': '그림이 아니라 웹 페이지 파일이에요.',
  'picture.is.pdf': '그림이 아니라 PDF 파일이에요.',
  'picture.is.heic': 'HEIC 사진과 동영상은 여기에서 읽을 수 없어요.',
  'picture.is.bmp': 'BMP 파일은 여기에서 읽을 수 없어요.',
  'picture.is.icon': '아이콘 파일은 여기에서 읽을 수 없어요.',
  'picture.is.zip': '그림이 아니라 ZIP 압축 파일이에요.',
  'picture.is.photoshop': 'Photoshop 파일은 여기에서 읽을 수 없어요.',
  'picture.is.jxl': 'JPEG XL 파일은 여기에서 읽을 수 없어요.',
  'picture.is.other': '읽을 수 있는 그림 파일이 아니에요.',
  'picture.send_another': 'PNG나 JPEG, WebP를 보내 주세요.',
  'picture.refused': '{what} {another}',
  'picture.mask_stretched': '{width}x{height} 마스크를 {newWidth}x{newHeight} 크기로 늘렸어요.',
} as const satisfies Record<keyof typeof en, string>;

/** What is wrong with an upload, and how it was read. */
export const picture = {
  'picture.json': 'That file is JSON, not a picture. Add --control openpose to have its pose followed.',
  'picture.frames': 'The picture has {count} frames; one can be used. Send a single frame.',
  'picture.cut_short': 'This {format} is damaged or cut short. Save it again and resend. {another}',
  'picture.damaged': 'This {format} is damaged and cannot be read. {another}',
  'picture.pixels':
    'The picture is {width}x{height}; the limit is {limit} megapixels. Send a smaller one, such as 1024x1024.',
  'picture.ratio':
    'The picture is {width}x{height}; one side can be at most {limit} times as long as the other. Crop it.',
  'picture.buffer':
    'Decoded, the picture of {width}x{height} has {size} MB; the limit is {limit} MB. Send it as JPEG, or smaller.',
  'picture.depth':
    'The samples of this {format} are of the kind {depth}; 8 and 16 bits can be read. Save it as PNG with 8 or 16 bits.',
  'picture.reading_many': 'Too many pictures are being read. Send yours again in a minute.',
  'picture.stopping': 'Darkroom is stopping. Send the picture again.',
  'picture.slow':
    'The picture takes more than {seconds} s to read. Save it as PNG or JPEG and send it again.',
  'picture.memory':
    'The picture needs more than {limit} MB of memory to read. Send a smaller one, as PNG or JPEG.',
  'picture.broken': 'The picture is damaged. Save it again as PNG or JPEG and resend.',
  'picture.mask_black': 'The mask is all black: nothing would be redrawn. Paint the part to change in white.',
  'picture.mask_white': 'The mask is all white: the whole picture is redrawn.',
  'picture.mask_white_part': 'The white part of the mask is redrawn.',
  'picture.mask_clear_part': 'The transparent part of the mask is redrawn.',
  'picture.mask_refused': 'The mask cannot be used. {reason}',
  'picture.control_needs': 'The {kind} control needs a picture. Attach one.',
  'picture.control_refused': 'The {kind} picture cannot be used. {reason}',
  'picture.empty': 'The file is empty. {another}',
  'picture.hands': 'Keypoints of hands and faces are not drawn; only the body is followed.',
  'picture.is.svg': 'SVG files have no pixels and cannot be used.',
  'picture.is.web_page': 'The file is a web page, not a picture.',
  'picture.is.pdf': 'The file is a PDF, not a picture.',
  'picture.is.heic': 'HEIC photos and videos cannot be read here.',
  'picture.is.bmp': 'BMP files cannot be read here.',
  'picture.is.icon': 'Icon files cannot be read here.',
  'picture.is.zip': 'The file is a ZIP archive, not a picture.',
  'picture.is.photoshop': 'Photoshop files cannot be read here.',
  'picture.is.jxl': 'JPEG XL files cannot be read here.',
  'picture.is.other': 'The file is not a picture that can be read.',
  'picture.send_another': 'Send a PNG, JPEG or WebP.',
  'picture.refused': '{what} {another}',
  'picture.mask_stretched': 'The mask of {width}x{height} was stretched to {newWidth}x{newHeight}.',
} as const;

/** ControlNets, poses and detectors: what is not there, and what was done. */
export const control = {
  'control.nobody':
    'Nobody was found in the openpose picture. Send another picture, or name a pose: {poses}.',
  'control.no_body': 'Person {number} of the pose file has no keypoints of a body and was left out.',
  'control.canvas_fitted': "The pose's canvas of {width}x{height} was fitted into {newWidth}x{newHeight}.",
  'control.bad_pose':
    'The pose file {what}. Send OpenPose JSON, a picture of a skeleton as raw, or the name of a pose.',
  'control.pose_people': 'has {count} people; at most {limit} are drawn',
  'control.pose_no_keypoints': 'has no pose_keypoints_2d for person {number}',
  'control.pose_all_missing': 'shows nobody: all keypoints are missing',
  'control.pose_outside': 'lies outside the picture of {width}x{height}; give canvas_width and canvas_height',
  'control.pose_long': 'is {count} characters long; at most {limit} are read',
  'control.pose_not_json': 'is not JSON',
  'control.pose_frames': 'holds {count} frames; one can be used',
  'control.pose_no_object': 'is not an object with a list `people`',
  'control.pose_no_people': 'has no list `people`',
  'control.pose_points': 'has {count} points for person {number}; BODY_18 has 18, BODY_25 has 25',
  'control.pose_not_numbers': 'has something other than numbers in the keypoints of person {number}',
  'control.pose_numbers':
    'has {count} numbers in pose_keypoints_2d of person {number}; BODY_18 has 54, BODY_25 75',
  'control.pose_canvas': 'has a canvas_width or canvas_height that is no number of pixels',
  'control.none_installed':
    'None are installed: they belong in a folder of DARKROOM_MODELS, such as controlnet.',
  'control.none_called': 'There is no ControlNet {name}. {offer}',
  'control.followed':
    'The {kind} picture was followed with {name}. --controlnet takes another one: {others}.',
  'control.unsupported':
    '{model} does not support ControlNets; models of Stable Diffusion 1, 2 and XL do. Remove the controls, or choose another model.',
  'control.detector_unloaded':
    'The detector {kind}.onnx could not be loaded: it is no ONNX model, or one that onnxruntime does not run. Ask the operator.',
  'control.detector_names': "The detector's {kind}.json names the {field} {name}; the model has {names}.",
  'control.has_kinds': 'It has some for {kinds}.',
  'control.of_no_kind': 'What these follow is not known: {names}. Choose one with --controlnet.',
  'control.put_one': 'Put one for this kind of model into DARKROOM_MODELS, or choose another model.',
  'control.names_more': '{names} and {more} more',
  'control.none_for': '{model} has no ControlNet for {kind}.',
  'control.none_of_its_own': '{model} has no ControlNet for {kind} of its own.',
  'control.name_one': "Name one in the control's controlnet field.",
  'control.unknown_pose': 'Unknown pose {name}. {offer}',
  'control.cover': 'The {kind} picture of {from} was scaled and cropped to {to}.',
  'control.fill': 'The {kind} picture of {from} was scaled and padded to {to}.',
  'control.stretch': 'The {kind} picture of {from} was stretched to {to}.',
  'control.no_pose_detector':
    'A pose cannot be read from a photo here: no detector is installed. Instead, send OpenPose JSON, name a pose such as dancing, or send a drawn skeleton as raw.',
  'control.no_depth_detector':
    'Depth cannot be read from a photo here: no detector is installed. Instead, send a depth map (near is white) as raw.',
  'control.raw_needs_net':
    '--control raw takes the picture as it is. Add --controlnet with the name of the ControlNet that follows it.',
  'control.unknown_region': 'Unknown region {name}. {offer}',
  'control.detector_answer':
    'The {kind} detector gave a result that does not fit its {kind}.json. Ask the operator to correct that file.',
} as const;

/**
 * onnxruntime 1.30 and later reports its use to its maker unless this variable is set before its library is loaded. To
 * be imported before onnxruntime-node.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';

// Makes the bucket of DARKROOM_PICTURES where it does not exist yet; compose.yaml runs it before Darkroom.
import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';

const bucket = /^s3:\/\/([^/]+)/.exec(process.env.DARKROOM_PICTURES ?? '')?.[1];
if (bucket === undefined) {
  process.stderr.write('DARKROOM_PICTURES must be like s3://bucket/prefix.\n');
  process.exit(1);
}
const client = new S3Client({ forcePathStyle: true, maxAttempts: 10 });
try {
  await client.send(new HeadBucketCommand({ Bucket: bucket }));
} catch (error) {
  if (error.$metadata?.httpStatusCode !== 404) throw error;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
}
process.stdout.write(`The bucket ${bucket} is there.\n`);

import { conformance } from '../conformance/suite.ts';
import { startWeb } from '../conformance/web.ts';

conformance('The web chat', startWeb);

import { x } from '@interlock/config';
process.stdout.write(String(x));

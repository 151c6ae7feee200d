import { WebhookReceiver } from '../support/webhook-receiver.js';
import { ALERT_FAULTS, receiver } from './alert-faults.js';
import { describeFaults } from './describe-faults.js';

beforeAll(async () => {
  receiver.at = await WebhookReceiver.start();
});
afterAll(() => receiver.at?.close());

describeFaults('faults of alerts', ALERT_FAULTS, {
  environment: () => ({ ALERT_WEBHOOK_URL: receiver.at?.url ?? '', ALERT_TIMEOUT_MS: '1000' }),
});

/** For the suites that run again with their queue in Redis (jest.config.js). */
process.env.INTERLOCK_TEST_QUEUE_BACKEND = 'redis';

export { listen, type ListenAddress } from './listen.js';
export { correlated, type Correlation, correlation } from './correlation.js';
export { armFaultPoints, FAULT_POINTS, type FaultPoint, faultPoint, InjectedFault } from './fault-points.js';
export { measureHealth, type PartHealth } from './health.js';
export { type BootLogger, bootLogger, LoggingModule } from './logging.module.js';
export { ProgramLogger } from './program-logger.js';
export { CannotStart, EXIT_STATUS, runProgram, type RunningProgram } from './run-program.js';
export { programVersion } from './version.js';

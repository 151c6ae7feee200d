import { Foundation1764000000000 } from './1764000000000-foundation.js';
import { Datasets1764000000001 } from './1764000000001-datasets.js';
import { LedgerAndGuards1764000000002 } from './1764000000002-ledger-and-guards.js';
import { AlertDeliveries1764000000003 } from './1764000000003-alert-deliveries.js';
import { RunSurvival1764000000004 } from './1764000000004-run-survival.js';
import { ReportAsWritten1764000000005 } from './1764000000005-report-as-written.js';
import { DatasetDuplicates1764000000006 } from './1764000000006-dataset-duplicates.js';
import { Journal1764000000007 } from './1764000000007-journal.js';
import { PaperVenue1764000000008 } from './1764000000008-paper-venue.js';
import { AdmissionInOneCall1764000000009 } from './1764000000009-admission-in-one-call.js';
import { RiskLimits1764000000010 } from './1764000000010-risk-limits.js';
import { OrderSending1764000000011 } from './1764000000011-order-sending.js';
import { SweepsAndFlattenPlans1764000000012 } from './1764000000012-sweeps-and-flatten-plans.js';
import { Reconciliation1764000000013 } from './1764000000013-reconciliation.js';
import { FasterAdmission1764000000014 } from './1764000000014-faster-admission.js';
import { ListsOfFills1764000000015 } from './1764000000015-lists-of-fills.js';
import { Transfers1764000000016 } from './1764000000016-transfers.js';
import { LossesOfOneInstant1764000000018 } from './1764000000018-losses-of-one-instant.js';
import { TripsWhileReducing1764000000019 } from './1764000000019-trips-while-reducing.js';
import { LeanerAdmission1764000000025 } from './1764000000025-leaner-admission.js';
import { LosingOrders1764000000026 } from './1764000000026-losing-orders.js';
import { StoredWhileJudged1764000000027 } from './1764000000027-stored-while-judged.js';

/** Every migration, oldest first. They only go forward. */
export const migrations = [
  Foundation1764000000000,
  Datasets1764000000001,
  LedgerAndGuards1764000000002,
  AlertDeliveries1764000000003,
  RunSurvival1764000000004,
  ReportAsWritten1764000000005,
  DatasetDuplicates1764000000006,
  Journal1764000000007,
  PaperVenue1764000000008,
  AdmissionInOneCall1764000000009,
  RiskLimits1764000000010,
  OrderSending1764000000011,
  SweepsAndFlattenPlans1764000000012,
  Reconciliation1764000000013,
  FasterAdmission1764000000014,
  ListsOfFills1764000000015,
  Transfers1764000000016,
  LossesOfOneInstant1764000000018,
  TripsWhileReducing1764000000019,
  LeanerAdmission1764000000025,
  LosingOrders1764000000026,
  StoredWhileJudged1764000000027,
];

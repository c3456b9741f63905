// What the API takes and answers. Written by `make schema`: change the routes instead.

export interface Account {
  topic: string;
  partition: number;
  first_offset: number;
  next_offset: number;
  end_offset: number | null;
  gaps: number;
  missed: number;
  applied: number;
  late: number;
  duplicate: number;
  rejected: number;
  dead_lettered: number;
  skipped: number;
  lag: number | null;
  unaccounted: number;
}

export interface AgentsAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: AgentsItem[];
}

export interface AgentsItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  steps: number;
  completed: number;
  failed: number;
  success_rate: number | null;
  duration_ms: Durations;
  llm_calls: number;
  calls_of_tools: number;
  failed_calls: number;
  total_tokens: number;
  cost_usd: string;
}

export interface Budget {
  token_limit: number | null;
  cost_limit_usd: string | null;
  scope: "tree" | "execution" | null;
  consumed_tokens: number | null;
  consumed_cost_usd: string | null;
}

export interface Cancelling {
  reason?: string | null;
  descendants?: boolean;
}

export interface ComparedStep {
  step_id: string;
  iteration: number | null;
  a: StepOfOne | null;
  b: StepOfOne | null;
  duration_ms: Counts;
}

export interface ComparedUsage {
  prompt_tokens: Counts;
  completion_tokens: Counts;
  total_tokens: Counts;
  cost_usd: Costs;
}

export interface Comparison {
  a: Execution;
  b: Execution;
  status: Statuses;
  duration_ms: Counts;
  usage: ComparedUsage;
  steps: ComparedStep[];
  output: PatchOperation[] | null;
}

export interface CostAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: CostItem[];
}

export interface CostItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  executions: number | null;
  calls: number | null;
  cache_hits: number | null;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cost_usd: string;
}

export interface Costs {
  a: string;
  b: string;
  difference: string;
}

export interface Counts {
  a: number | null;
  b: number | null;
  difference: number | null;
}

export interface DeadLetter {
  id: number;
  topic: string;
  partition: number;
  offset: number;
  timestamp: string;
  reason: Reason;
  detail: string;
  fingerprint: string;
  redriven_at: string | null;
}

export interface DeadLetterPage {
  items: DeadLetter[];
  next_cursor: string | null;
}

export interface DecidedField {
  event_id: string;
  type: string;
  occurred_at: string;
  value: JsonValue;
}

export interface Difference {
  topic: string;
  partition: number;
  offset: number | null;
  expected: string;
  found: string;
}

export interface Durations {
  p50: number | null;
  p95: number | null;
  p99: number | null;
  mean: number | null;
}

export interface DurationsAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: DurationsItem[];
}

export interface DurationsItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  executions: number;
  success_rate: number | null;
  duration_ms: Durations;
}

export interface Error {
  message: string | null;
  type: string | null;
  stack?: string | null;
}

export interface Event {
  event_id: string;
  id: string;
  source: string;
  type: string;
  occurred_at: string;
  received_at: string;
  recorded_at: string;
  attempt: number;
  sequence: number | null;
  outcome: "applied" | "late" | "rejected";
  reason: string | null;
  ignored: IgnoredField[] | null;
  topic: string;
  partition: number;
  offset: number;
  data: JsonValue;
  data_encoding: "base64" | null;
}

export interface EventPage {
  items: Event[];
  next_cursor: string | null;
}

export interface EventsAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: EventsItem[];
}

export interface EventsItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  events: number;
}

export interface Execution {
  id: string;
  external_id: string;
  tenant_id: string;
  owner: Owner | null;
  session_id: string | null;
  workflow: Workflow | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
  provisional: boolean;
  attempt: number;
  trigger: Trigger | null;
  mode: string | null;
  query: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  duration_ms: number | null;
  progress_percent: number | null;
  completed_steps: number;
  total_steps: number;
  error: Error | null;
  usage: Usage;
  agents_used: number;
  tools_invoked: number;
  cache_hits: number;
  complexity_score: number | null;
  timeout_seconds: number | null;
  budget: Budget;
  tree: Tree | null;
  paused_at: string | null;
  waiting_for: string | null;
  cancelled_by: string | null;
  cancel_reason: string | null;
  cancel_requested_at: string | null;
  killed_by_budget: boolean;
  tags: string[] | null;
  labels: Record<string, string> | null;
  metadata: Record<string, JsonValue> | null;
  parent_execution_id: string | null;
  root_execution_id: string;
  traceparent: string | null;
  version: number;
  revision: number;
  capped: string[] | null;
  omitted: string[];
  input?: JsonValue;
  output?: JsonValue;
  result?: string | null;
}

export interface ExecutionPage {
  items: ListedExecution[];
  next_cursor: string | null;
  total?: number | null;
  total_is_exact?: boolean | null;
}

export interface ExecutionsAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: ExecutionsItem[];
}

export interface ExecutionsItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  executions: number;
  pending: number;
  running: number;
  completed: number;
  failed: number;
  cancelled: number;
  timed_out: number;
  killed_by_budget: number;
  success_rate: number | null;
}

export interface ExplainedEvent {
  event_id: string;
  id: string;
  source: string;
  type: string;
  occurred_at: string;
  attempt: number;
  sequence: number | null;
  outcome: "applied" | "late" | "rejected";
  ignored: IgnoredField[];
  decides: string[];
  not_applied: NotApplied | null;
}

export interface Explanation {
  fields: Record<string, DecidedField>;
  events: ExplainedEvent[];
  provisional: Provisional | null;
  notes?: Note[];
}

export interface FailingStep {
  step_id: string;
  name: string | null;
  iteration: number | null;
  total_items: number | null;
  attempt: number;
  try_number: number;
  input: JsonValue;
  error: Error | null;
}

export interface Header {
  name: string;
  value: string | null;
}

export interface Health {
  status?: "ok";
}

export interface IgnoredField {
  field: string;
  rule: Rule;
}

export type JsonValue = unknown;

export interface Ledger {
  partitions: Account[];
  unaccounted: number;
  missed: number;
  audited: boolean;
  differences: Difference[];
}

export interface ListedExecution {
  id?: string;
  external_id?: string;
  tenant_id?: string;
  owner?: Owner | null;
  session_id?: string | null;
  workflow?: Workflow | null;
  status?: "pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
  provisional?: boolean;
  attempt?: number;
  trigger?: Trigger | null;
  mode?: string | null;
  query?: string | null;
  created_at?: string;
  started_at?: string | null;
  ended_at?: string | null;
  duration_ms?: number | null;
  progress_percent?: number | null;
  completed_steps?: number;
  total_steps?: number;
  error?: Error | null;
  usage?: Usage;
  agents_used?: number;
  tools_invoked?: number;
  cache_hits?: number;
  complexity_score?: number | null;
  timeout_seconds?: number | null;
  budget?: Budget;
  tree?: Tree | null;
  paused_at?: string | null;
  waiting_for?: string | null;
  cancelled_by?: string | null;
  cancel_reason?: string | null;
  cancel_requested_at?: string | null;
  killed_by_budget?: boolean;
  tags?: string[] | null;
  labels?: Record<string, string> | null;
  metadata?: Record<string, JsonValue> | null;
  parent_execution_id?: string | null;
  root_execution_id?: string;
  traceparent?: string | null;
  version?: number;
  revision?: number;
  capped?: string[] | null;
  omitted?: string[];
  input?: JsonValue;
  output?: JsonValue;
  result?: string | null;
}

export interface LlmCall {
  event_id: string;
  occurred_at: string;
  attempt: number;
  step_id: string | null;
  agent_id: string | null;
  duration_ms: number | null;
  error: string | null;
  cache_hit: boolean | null;
  provider: string | null;
  model: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  cached_tokens: number | null;
  cache_write_tokens: number | null;
  reasoning_tokens: number | null;
  input_audio_tokens: number | null;
  output_audio_tokens: number | null;
  cost_usd: string | null;
  cost_source: "reported" | "computed" | null;
  price_version: string | null;
}

export interface LlmCallPage {
  items: LlmCall[];
  next_cursor: string | null;
}

export interface Member {
  id: string;
  external_id: string;
  workflow: Workflow | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
  started_at: string | null;
  duration_ms: number | null;
  parent_execution_id: string | null;
  ended_at: string | null;
  total_tokens: number;
  cost_usd: string;
}

export interface Namesake {
  id: string;
  tenant_id: string;
}

export type NotApplied = "unknown type" | "older attempt" | "ordered after the deciding event" | "provisional and void" | "another source's owner";

export interface Note {
  field: string;
  event_id: string;
  reason: string;
}

export interface Owner {
  id: string | null;
  email: string | null;
  name: string | null;
}

export interface ParameterError {
  parameter?: string | null;
  pointer?: string | null;
  detail: string;
}

export interface PatchOperation {
  op: "add" | "remove" | "replace";
  path: string;
  value: JsonValue;
}

export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string | null;
  errors?: ParameterError[] | null;
  executions?: Namesake[] | null;
}

export interface Provisional {
  reason: string | null;
}

export interface RankedExecutions {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: Ranking[];
}

export interface Ranking {
  id: string;
  external_id: string;
  workflow_id: string | null;
  workflow_version: string | null;
  owner_id: string | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
  started_at: string | null;
  ended_at: string | null;
  duration_ms: number | null;
  total_tokens: number;
  cost_usd: string;
}

export interface Readiness {
  status?: "ready";
  schema_version: number;
}

export type Reason = "tombstone" | "not_utf8" | "not_json" | "not_cloudevent" | "invalid" | "unsupported_version" | "too_large" | "unstorable" | "forbidden";

export interface RegisteredWorkflow {
  id: string;
  tenant_id: string;
  name: string | null;
  versions: string[];
  executions: number;
  by_status: Record<string, number>;
  success_rate: number | null;
  duration_ms: Percentiles;
  last_started_at: string | null;
}

export interface Relative {
  id: string;
  external_id: string;
  workflow: Workflow | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
  started_at: string | null;
  duration_ms: number | null;
}

export type Rule = "wrong_type" | "out_of_range" | "not_finite" | "rounded" | "read_from_text" | "read_as_text" | "read_as_object" | "unknown_word" | "shortened" | "cut" | "too_deep" | "characters" | "unreadable";

export interface SlowStep {
  step_id: string;
  iteration: number | null;
  attempt: number;
  try_number: number;
  duration_ms: number;
}

export interface Statuses {
  a: "pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
  b: "pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
}

export interface Step {
  step_id: string;
  name: string | null;
  operation: string | null;
  iteration: number | null;
  total_items: number | null;
  attempt: number;
  try_number: number;
  agent_id: string | null;
  parent_id: string | null;
  status: "running" | "completed" | "failed" | "cancelled" | "timed_out" | "skipped";
  started_at: string | null;
  ended_at: string | null;
  duration_ms: number | null;
  provisional: boolean;
  input: JsonValue;
  output: JsonValue;
  error: Error | null;
  metadata: Record<string, JsonValue> | null;
}

export interface StepColumns {
  columns: Record<string, JsonValue[]>;
  count: number;
}

export interface StepOfOne {
  status: "running" | "completed" | "failed" | "cancelled" | "timed_out" | "skipped";
  try_number: number;
  offset_ms: number | null;
  duration_ms: number | null;
}

export interface StepPage {
  items: Step[];
  next_cursor: string | null;
}

export interface StepsAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: StepsItem[];
}

export interface StepsItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  steps: number;
  running: number;
  completed: number;
  failed: number;
  cancelled: number;
  timed_out: number;
  skipped: number;
  success_rate: number | null;
  duration_ms: Durations;
}

export interface Timeline {
  execution: Execution;
  attempts: TimelineAttempt[];
  steps: TimelineStep[];
  failing: FailingStep | null;
  slowest: SlowStep[];
  gaps: TimelineGap[];
  parent: Relative | null;
  root: Relative | null;
  children: Relative[];
  has_more_children: boolean;
}

export interface TimelineAttempt {
  attempt: number;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
  started_at: string;
  ended_at: string | null;
}

export interface TimelineGap {
  from: string;
  to: string;
  ms: number;
}

export interface TimelineStep {
  step_id: string;
  name: string | null;
  operation: string | null;
  iteration: number | null;
  total_items: number | null;
  attempt: number;
  try_number: number;
  agent_id: string | null;
  parent_id: string | null;
  status: "running" | "completed" | "failed" | "cancelled" | "timed_out" | "skipped";
  started_at: string | null;
  ended_at: string | null;
  duration_ms: number | null;
  provisional: boolean;
  input: JsonValue;
  output: JsonValue;
  error: Error | null;
  metadata: Record<string, JsonValue> | null;
  depth: number;
  offset_ms: number | null;
  gap_before_ms: number | null;
  unexpected_end: boolean;
}

export interface ToolCall {
  event_id: string;
  occurred_at: string;
  attempt: number;
  step_id: string | null;
  agent_id: string | null;
  duration_ms: number | null;
  error: string | null;
  cache_hit: boolean | null;
  tool_name: string | null;
  success: boolean | null;
  input: JsonValue;
  output: JsonValue;
}

export interface ToolCallPage {
  items: ToolCall[];
  next_cursor: string | null;
}

export interface ToolsAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: ToolsItem[];
}

export interface ToolsItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  calls: number;
  succeeded: number;
  failed: number;
  success_rate: number | null;
  cache_hits: number;
  cache_hit_rate: number | null;
  duration_ms: Durations;
}

export interface Tree {
  executions: number;
  open: number;
  failed: number;
  total_tokens: number;
  cost_usd: string;
}

export interface TreePage {
  root: Member | null;
  executions: Member[];
  next_cursor: string | null;
}

export interface Trigger {
  mode: "manual" | "scheduled" | "triggered" | null;
  event_id: string | null;
  event_name: string | null;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cost_usd: string;
  cost_source: "reported" | "facts" | "computed" | null;
}

export interface UsageAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: UsageItem[];
}

export interface UsageItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  executions: number;
  completed: number;
  failed: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cost_usd: string;
}

export interface VersionChange {
  success_rate: number | null;
  p50: number | null;
  p95: number | null;
  cost_usd: number | null;
  total_tokens: number | null;
}

export interface VersionsAnalysis {
  from: string;
  to: string;
  time_zone: string;
  bucket: "hour" | "day" | "week" | "month" | null;
  items: VersionsItem[];
}

export interface VersionsItem {
  bucket_start: string;
  workflow_id?: string | null;
  workflow_version?: string | null;
  mode?: string | null;
  complexity?: string | null;
  status?: string | null;
  owner_id?: string | null;
  trigger?: string | null;
  error_type?: string | null;
  step?: string | null;
  operation?: string | null;
  agent_id?: string | null;
  provider?: string | null;
  model?: string | null;
  tool_name?: string | null;
  type?: string | null;
  executions: number;
  success_rate: number | null;
  duration_ms: Durations;
  total_tokens: number;
  cost_usd: string;
  first_started_at: string;
  version_before: string | null;
  change: VersionChange | null;
}

export interface WholeDeadLetter {
  id: number;
  topic: string;
  partition: number;
  offset: number;
  timestamp: string;
  reason: Reason;
  detail: string;
  fingerprint: string;
  redriven_at: string | null;
  key: string | null;
  headers: Header[] | null;
  value_base64: string | null;
  cut: Record<string, Record<string, number | string>> | null;
}

export interface Workflow {
  id: string | null;
  name: string | null;
  version: string | null;
}

export interface WorkflowPage {
  items: RegisteredWorkflow[];
  next_cursor: string | null;
  total?: number | null;
  total_is_exact?: boolean | null;
}

export interface WorkflowRun {
  id: string;
  workflow_id: string;
  owner_id: string | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled";
  execution_status: "pending" | "running" | "completed" | "failed" | "cancelled";
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  duration_ms: number | null;
  initial_input: JsonValue;
  phase_results: Record<string, Record<string, JsonValue>>;
  final_output: JsonValue;
  error_message: string | null;
  progress_percent: number;
  completed_phases: number;
  total_phases: number;
  tags: string[];
  metadata: Record<string, JsonValue>;
}

export interface WorkflowRunPage {
  total: number;
  executions: WorkflowRun[];
  limit: number;
  offset: number;
}

export interface Gets {
  "/v1/executions": {
    path: Record<string, never>;
    query: { limit?: number; cursor?: string | null; include?: "payloads"[]; fields?: ("id" | "external_id" | "tenant_id" | "owner" | "session_id" | "workflow" | "status" | "provisional" | "attempt" | "trigger" | "mode" | "query" | "created_at" | "started_at" | "ended_at" | "duration_ms" | "progress_percent" | "completed_steps" | "total_steps" | "error" | "usage" | "agents_used" | "tools_invoked" | "cache_hits" | "complexity_score" | "timeout_seconds" | "budget" | "tree" | "paused_at" | "waiting_for" | "cancelled_by" | "cancel_reason" | "cancel_requested_at" | "killed_by_budget" | "tags" | "labels" | "metadata" | "parent_execution_id" | "root_execution_id" | "traceparent" | "version" | "revision" | "capped" | "omitted" | "input" | "output" | "result")[]; status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; sort?: "-id" | "id" | "-created_at" | "created_at" | "-started_at" | "started_at" | "-duration_ms" | "duration_ms" | "-cost_usd" | "cost_usd"; total?: boolean; workflow_id?: string | null; };
    answer: ExecutionPage;
  };
  "/v1/executions/compare": {
    path: Record<string, never>;
    query: { include?: "payloads"[]; a: string; b: string; };
    answer: Comparison;
  };
  "/v1/executions/{id}": {
    path: { id: string; };
    query: { include?: "payloads"[]; known_at?: string | null; as_of?: string | null; wait?: "terminal" | null; timeout?: number; };
    answer: Execution;
  };
  "/v1/executions/{id}/steps": {
    path: { id: string; };
    query: { include?: "payloads"[]; limit?: number; cursor?: string | null; as?: "columns" | null; };
    answer: StepPage | StepColumns;
  };
  "/v1/executions/{id}/events": {
    path: { id: string; };
    query: { include?: "payloads"[]; limit?: number; cursor?: string | null; };
    answer: EventPage;
  };
  "/v1/executions/{id}/llm-calls": {
    path: { id: string; };
    query: { include?: "payloads"[]; limit?: number; cursor?: string | null; };
    answer: LlmCallPage;
  };
  "/v1/executions/{id}/tool-calls": {
    path: { id: string; };
    query: { include?: "payloads"[]; limit?: number; cursor?: string | null; };
    answer: ToolCallPage;
  };
  "/v1/executions/{id}/timeline": {
    path: { id: string; };
    query: { include?: "payloads"[]; };
    answer: Timeline;
  };
  "/v1/executions/{id}/tree": {
    path: { id: string; };
    query: { limit?: number; cursor?: string | null; };
    answer: TreePage;
  };
  "/v1/executions/{id}/explain": {
    path: { id: string; };
    query: { include?: "payloads"[]; known_at?: string | null; as_of?: string | null; };
    answer: Explanation;
  };
  "/v1/analytics/executions": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("workflow_id" | "workflow_version" | "mode" | "complexity" | "owner_id" | "trigger" | "status" | "error_type")[]; };
    answer: ExecutionsAnalysis;
  };
  "/v1/analytics/durations": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("workflow_id" | "workflow_version" | "mode" | "complexity" | "owner_id" | "trigger" | "status")[]; };
    answer: DurationsAnalysis;
  };
  "/v1/analytics/steps": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("step" | "operation" | "agent_id" | "workflow_id" | "workflow_version" | "mode" | "complexity" | "owner_id" | "trigger")[]; step?: string | null; agent_id?: string | null; };
    answer: StepsAnalysis;
  };
  "/v1/analytics/agents": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("agent_id" | "workflow_id" | "workflow_version" | "mode" | "complexity" | "owner_id" | "trigger")[]; agent_id?: string | null; };
    answer: AgentsAnalysis;
  };
  "/v1/analytics/tools": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("tool_name" | "agent_id" | "workflow_id" | "workflow_version" | "mode" | "complexity" | "owner_id" | "trigger")[]; tool_name?: string | null; agent_id?: string | null; };
    answer: ToolsAnalysis;
  };
  "/v1/analytics/cost": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("workflow_id" | "workflow_version" | "mode" | "complexity" | "owner_id" | "trigger" | "status" | "provider" | "model" | "agent_id")[]; };
    answer: CostAnalysis;
  };
  "/v1/analytics/usage": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("owner_id" | "workflow_id" | "trigger")[]; };
    answer: UsageAnalysis;
  };
  "/v1/analytics/events": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("type" | "workflow_id" | "owner_id")[]; type?: string | null; };
    answer: EventsAnalysis;
  };
  "/v1/analytics/versions": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; bucket?: "hour" | "day" | "week" | "month" | null; group_by?: ("workflow_id" | "workflow_version")[]; };
    answer: VersionsAnalysis;
  };
  "/v1/analytics/slowest": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; limit?: number; };
    answer: RankedExecutions;
  };
  "/v1/analytics/costliest": {
    path: Record<string, never>;
    query: { status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; workflow_id?: string | null; from?: string | null; to?: string | null; time_zone?: string; complexity?: "0.0-0.2" | "0.2-0.4" | "0.4-0.6" | "0.6-0.8" | "0.8-1.0" | null; limit?: number; };
    answer: RankedExecutions;
  };
  "/v1/workflows": {
    path: Record<string, never>;
    query: { limit?: number; cursor?: string | null; offset?: number; total?: boolean; };
    answer: WorkflowPage;
  };
  "/v1/workflows/{id}": {
    path: { id: string; };
    query: Record<string, never>;
    answer: RegisteredWorkflow;
  };
  "/v1/workflows/{id}/executions": {
    path: { id: string; };
    query: { limit?: number; cursor?: string | null; include?: "payloads"[]; fields?: ("id" | "external_id" | "tenant_id" | "owner" | "session_id" | "workflow" | "status" | "provisional" | "attempt" | "trigger" | "mode" | "query" | "created_at" | "started_at" | "ended_at" | "duration_ms" | "progress_percent" | "completed_steps" | "total_steps" | "error" | "usage" | "agents_used" | "tools_invoked" | "cache_hits" | "complexity_score" | "timeout_seconds" | "budget" | "tree" | "paused_at" | "waiting_for" | "cancelled_by" | "cancel_reason" | "cancel_requested_at" | "killed_by_budget" | "tags" | "labels" | "metadata" | "parent_execution_id" | "root_execution_id" | "traceparent" | "version" | "revision" | "capped" | "omitted" | "input" | "output" | "result")[]; status?: ("pending" | "running" | "completed" | "failed" | "cancelled" | "timed_out")[]; workflow_version?: string | null; owner_id?: string | null; session_id?: string | null; tenant_id?: string | null; external_id?: string | null; trigger?: "manual" | "scheduled" | "triggered" | null; mode?: string | null; tag?: string[]; label?: string[]; error_type?: string | null; started_after?: string | null; started_before?: string | null; duration_ms_gte?: number | null; duration_ms_lte?: number | null; cost_usd_gte?: number | string | null; parent?: string | null; root?: string | null; has_children?: boolean | null; paused?: boolean | null; waiting_for?: string | null; killed_by_budget?: boolean | null; q?: string | null; sort?: "-id" | "id" | "-created_at" | "created_at" | "-started_at" | "started_at" | "-duration_ms" | "duration_ms" | "-cost_usd" | "cost_usd"; total?: boolean; offset?: number; };
    answer: ExecutionPage;
  };
  "/v1/ledger": {
    path: Record<string, never>;
    query: Record<string, never>;
    answer: Ledger;
  };
  "/v1/dead-letters": {
    path: Record<string, never>;
    query: { limit?: number; cursor?: string | null; reason?: Reason | null; fingerprint?: string | null; };
    answer: DeadLetterPage;
  };
  "/v1/dead-letters/{id}": {
    path: { id: number; };
    query: Record<string, never>;
    answer: WholeDeadLetter;
  };
}

internal import GatewayModel

/// The bounds of the agent link.
package enum LinkLimits {
  /// The largest message an agent may send; a batch of records is one message.
  package static let messageBytes = SizeLimits.linkMessageBytes
  /// Batches stored at once; further ones wait, and agents take turns.
  static let shipments = 16
  /// Batches of one agent stored at once.
  static let shipmentsPerAgent = 2
  /// Batches stored and waiting; further ones are told to come again.
  static let shipmentEntries = 512
  /// Batches of one agent stored and waiting; each of its lanes ships one at a time.
  static let shipmentEntriesPerAgent = 16
  /// Bytes of the batches stored and waiting.
  static let shipmentBytes = 256 << 20
  /// Agents that have been told to come again and for whom room is kept.
  static let shipmentClaims = 4096
  /// How long a batch is told to wait when the database is away.
  static let retryWithoutDatabase = 1000..<2000
  /// Commands waiting to be written to one agent.
  static let commands = 16
  /// An agent that has not said Hello by then is cut.
  static let helloDeadline = Duration.seconds(10)
  /// How long one wait for a newer bundle lasts.
  static let bundleWait = Duration.seconds(10)
  /// How long to wait before asking again while the database is away.
  static let databaseRetry = Duration.seconds(1)
  /// An idle link is probed after this long, and cut when the probe is not answered.
  static let keepalive = Duration.seconds(20)
  static let keepaliveTimeout = Duration.seconds(10)
  /// How often an agent may probe.
  static let clientKeepalive = Duration.seconds(5)
  /// Bytes in flight to this side before the sender waits.
  static let windowBytes = 1 << 20
}

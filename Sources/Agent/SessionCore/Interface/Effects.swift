package import NIOCore
package import PostgresWire

/// What the shell has to do after an event, in this order: audit, login, server, client, timers.
///
/// The order is the guarantee "recorded before forwarded": when ``audit`` is not empty it has to
/// be in the log before a byte of ``server`` or ``client`` leaves.
///
/// When the log takes no begin, the shell records the rest of ``audit`` but for what belongs to a
/// begin that is not there, sends the server nothing more, performs everything else, and then sends
/// `terminate(reason: .recordLogUnavailable)`. What is for the client goes out, since it answers
/// statements that were recorded before, and half a message may be in front of it.
///
/// In a power-safe session ``ServerEffects/syncBefore`` and ``ClientEffects/syncBefore`` say what
/// waits further, until those records are on the medium. Each leg keeps its order: what later events
/// send goes behind what waits.
///
/// An empty value allocates nothing.
package struct Effects: Equatable, Sendable {
  /// 1: records, oldest first.
  package var audit: [AuditEvent] = []
  /// 2: verify this login and answer with ``Event/loginVerdict(_:)``.
  package var verifyLogin: LoginRequest?
  /// 2: derive these keys where it holds nobody up, and answer with
  /// ``Event/scramKeysDerived(_:)``.
  package var deriveKeys: ScramDerivation?
  /// 2: find the session of this minted key and cancel what it runs (the client leg closes).
  package var cancelRequest: CancelKey?
  /// 3
  package var server = ServerEffects()
  /// 4
  package var client = ClientEffects()
  /// 5: in order.
  package var timers: [TimerEffect] = []

  package init() {}

  package var isEmpty: Bool {
    audit.isEmpty && verifyLogin == nil && deriveKeys == nil && cancelRequest == nil
      && server.isEmpty && client.isEmpty && timers.isEmpty
  }
}

/// What happens on the server leg, in this order: connect, cancel, send, close.
package struct ServerEffects: Equatable, Sendable {
  /// Open the leg to the target of the login grant, and answer with ``Event/serverConnected(_:)``
  /// or ``Event/serverConnectFailed(_:)``.
  package var connect = false
  /// Send a CancelRequest with ``SessionCore/serverCancelKey`` over a connection of its own.
  package var cancel = false
  /// Send one while the session still runs this, and nothing that comes after it.
  package var cancelStatement: CancelTarget?
  /// The records of this event have to be on the medium before ``send``, or what later events send,
  /// goes out. When they cannot be, none of it goes out.
  package var syncBefore = false
  package var send = ByteSlices()
  /// Close after everything sent before is written; give up connecting when that still goes on.
  /// At most once in a session.
  package var close = false

  package init() {}
  package var isEmpty: Bool {
    !connect && !cancel && cancelStatement == nil && !syncBefore && send.isEmpty && !close
  }
}

/// What happens on the client leg, in this order: send, close, reading.
package struct ClientEffects: Equatable, Sendable {
  package enum Reading: Equatable, Sendable {
    /// Read no more from the client until told to; bytes already under way are still taken.
    case pause
    case resume
  }

  package var send = ByteSlices()
  /// The records of this event have to be on the medium before what later events send goes out;
  /// ``send`` answers what came before. When they cannot be, none of that goes out.
  package var syncBefore = false
  /// Close after everything sent before is written. At most once in a session.
  package var close = false
  package var reading: Reading?

  package init() {}
  package var isEmpty: Bool { send.isEmpty && !syncBefore && !close && reading == nil }
}

/// A change of one timer.
package enum TimerEffect: Equatable, Sendable {
  /// Fires once, this long from now; an earlier setting of the same timer is forgotten.
  case set(SessionTimer, after: Duration)
  case cancel(SessionTimer)
}

/// Bytes to write, as slices in order; the first costs no allocation.
package struct ByteSlices: Sendable {
  package private(set) var first: ByteBuffer?
  package private(set) var rest: [ByteBuffer] = []

  package init() {}

  package var isEmpty: Bool { first == nil }
  package var readableBytes: Int {
    rest.reduce(first?.readableBytes ?? 0) { $0 + $1.readableBytes }
  }

  package mutating func append(_ slice: ByteBuffer) {
    guard slice.readableBytes > 0 else { return }
    if first == nil { first = slice } else { rest.append(slice) }
  }

  package mutating func append(contentsOf other: ByteSlices) {
    if let slice = other.first { append(slice) }
    for slice in other.rest { append(slice) }
  }

  /// All bytes in one buffer.
  package var joined: ByteBuffer {
    guard var whole = first else { return ByteBuffer() }
    for slice in rest { whole.writeImmutableBuffer(slice) }
    return whole
  }
}

extension ByteSlices: Sequence {
  package struct Iterator: IteratorProtocol {
    private let slices: ByteSlices
    private var position = -1

    fileprivate init(_ slices: ByteSlices) { self.slices = slices }

    package mutating func next() -> ByteBuffer? {
      defer { position += 1 }
      if position < 0 { return slices.first }
      return slices.rest.indices.contains(position) ? slices.rest[position] : nil
    }
  }

  package func makeIterator() -> Iterator { Iterator(self) }
}

extension ByteSlices: Equatable {
  /// Compares the bytes, not where they are cut.
  package static func == (left: ByteSlices, right: ByteSlices) -> Bool {
    left.readableBytes == right.readableBytes && left.joined == right.joined
  }
}

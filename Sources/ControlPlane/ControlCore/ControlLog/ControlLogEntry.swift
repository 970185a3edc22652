package import AuditLog
package import Crypto
package import GatewayModel

/// Something to be appended to the control plane's own log, with what is needed to sign the log
/// that has it.
///
/// The body is made when it is appended: by then what it tells of has happened in the same
/// transaction.
package struct ControlLogEntry: Sendable {
  package enum Body: Sendable, Equatable {
    case act(ControlActRecord)
    case read(AuditReadRecord)
    case witness(AgentsWitnessRecord)
    case prune(RetentionPruneRecord)
    case equivocation(EquivocationRecord)
  }

  package let log: LogID
  let key: Curve25519.Signing.PrivateKey
  package let body: @Sendable () -> Body

  /// - Parameter key: Signs the log's checkpoints.
  package init(
    log: LogID, key: Curve25519.Signing.PrivateKey, body: @escaping @Sendable () -> Body
  ) {
    self.log = log
    self.key = key
    self.body = body
  }

  /// The log with this entry behind what `frontier` stands for.
  ///
  /// - Parameter time: When it is appended; not before the last entry.
  /// - Throws: `internal` when the key cannot sign.
  package func appended(
    to frontier: MerkleFrontier, at time: WallTime
  ) throws(ControlError) -> AppendedEntry {
    let body = body()
    let header = RecordHeader(seq: frontier.size, time: time)
    let bytes = body.encoded(header)
    let leaf = MerkleTree.leaf(bytes)
    var frontier = frontier
    frontier.append(leaf)
    do {
      let note = try Checkpoint(log: log, of: frontier).signed(with: key)
      return AppendedEntry(
        header: header, body: body, bytes: bytes, leaf: leaf, frontier: frontier,
        checkpoint: note.bytes)
    } catch {
      throw ControlError(
        .internal, "Signing the checkpoint of the control plane's log failed: \(error).")
    }
  }
}

/// An entry at its place in the log.
package struct AppendedEntry: Sendable {
  package let header: RecordHeader
  package let body: ControlLogEntry.Body
  /// The record as it is stored.
  package let bytes: [UInt8]
  package let leaf: Hash256
  /// The log's after it.
  package let frontier: MerkleFrontier
  /// The signed note of the log after it.
  package let checkpoint: [UInt8]
}

extension ControlLogEntry.Body {
  package var kind: RecordKind {
    switch self {
    case .act: .controlAct
    case .read: .auditRead
    case .witness: .agentsWitness
    case .prune: .retentionPrune
    case .equivocation: .equivocation
    }
  }

  /// `nil` for a record that is none of the control plane's own log.
  package init?(_ body: DecodedRecord.Body) {
    switch body {
    case .controlAct(let act): self = .act(act)
    case .auditRead(let read): self = .read(read)
    case .agentsWitness(let witness): self = .witness(witness)
    case .retentionPrune(let prune): self = .prune(prune)
    case .equivocation(let found): self = .equivocation(found)
    default: return nil
    }
  }

  func encoded(_ header: RecordHeader) -> [UInt8] {
    switch self {
    case .act(let body): RecordEncoder.encode(body, header: header)
    case .read(let body): RecordEncoder.encode(body, header: header)
    case .witness(let body): RecordEncoder.encode(body, header: header)
    case .prune(let body): RecordEncoder.encode(body, header: header)
    case .equivocation(let body): RecordEncoder.encode(body, header: header)
    }
  }
}

/// What an entry says to whoever asks for the control plane's acts, in the columns of a listing.
package struct ControlLogSummary: Sendable, Equatable {
  package var caller: RecordedCaller
  package var action: String
  package var subject: String
  /// A JSON object, or empty.
  package var detail: String
  package var refusal: String

  package init(_ body: ControlLogEntry.Body) {
    switch body {
    case .act(let act):
      self.init(act.caller, act.action, act.subject, act.detail, act.refusal)
    case .read(let read):
      self.init(read.caller, RecordKind.auditRead.rawValue, read.what, read.question)
    case .witness(let witness):
      self.init(
        .controlPlane, RecordKind.agentsWitness.rawValue, "",
        ActDetail(dictionaryLiteral: ("logs", .number(witness.heads.count))).json)
    case .prune(let prune):
      let detail: ActDetail = [
        "records": .number(Int(clamping: prune.records)), "file": .text(prune.exportFile),
        "logs": .number(prune.logs.count),
      ]
      self.init(.controlPlane, RecordKind.retentionPrune.rawValue, prune.day, detail.json)
    case .equivocation(let found):
      let detail: ActDetail = [
        "size": .number(Int(clamping: found.size)), "detail": .text(found.detail),
      ]
      self.init(
        .controlPlane, RecordKind.equivocation.rawValue, "\(found.log)", detail.json)
    }
  }

  private init(
    _ caller: RecordedCaller, _ action: String, _ subject: String, _ detail: String,
    _ refusal: String = ""
  ) {
    self.init(
      caller: caller, action: action, subject: subject, detail: detail, refusal: refusal)
  }

  package init(
    caller: RecordedCaller, action: String, subject: String, detail: String, refusal: String
  ) {
    self.caller = caller
    self.action = action
    self.subject = subject
    self.detail = detail
    self.refusal = refusal
  }
}

extension RecordedCaller {
  /// What nobody asked for: the control plane does it on its own.
  package static let controlPlane = RecordedCaller(
    tokenID: "", name: "control plane", role: "system")

  /// Somebody without an API token.
  static func stranger(_ name: String = "", from address: String) -> RecordedCaller {
    RecordedCaller(tokenID: "", name: name, role: "none", address: address)
  }

  /// Somebody at the control plane's host, with its database and its key file.
  static func hostOperator(_ name: String, on host: String) -> RecordedCaller {
    RecordedCaller(tokenID: "", name: name, role: "operator", address: host)
  }

  static func agent(_ id: AgentID) -> RecordedCaller {
    RecordedCaller(tokenID: "", name: "\(id)", role: "agent")
  }
}

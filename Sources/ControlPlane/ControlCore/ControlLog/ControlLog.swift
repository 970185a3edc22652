internal import AuditLog
internal import Crypto
internal import GatewayModel
internal import Logging

/// The control plane's own log: what is done at it, what is read of the audit trail, and what it
/// has seen of the agents' logs.
///
/// It is a log of the form that agents' logs have, one for all replicas. An entry is appended in the
/// transaction of the act it tells of, so that no act takes effect without it.
package struct ControlLog: Sendable {
  /// How often the heads of the agents' logs go into it.
  static let witnessInterval = Duration.seconds(10)
  /// The most heads of one entry; about 350 bytes each.
  static let maximumHeads = 1000

  let keys: ControlKeys
  let store: any ControlLogStore
  let surroundings: Surroundings
  let reads = RecentReads()
  let refusals = RefusalAllowance()
  let heads: ControlHeads

  init(keys: ControlKeys, store: any ControlLogStore, surroundings: Surroundings) {
    self.keys = keys
    self.store = store
    self.surroundings = surroundings
    heads = ControlHeads(log: keys.controlLog, store: store)
  }

  // MARK: Entries

  func entry(_ body: @escaping @Sendable () -> ControlLogEntry.Body) -> ControlLogEntry {
    ControlLogEntry(log: keys.controlLog, key: keys.auditKey, body: body)
  }

  /// An act; `detail` is asked for when it is appended.
  func act(
    _ action: ControlAction, on subject: String, by caller: RecordedCaller,
    refusal: ControlError.Code? = nil, _ detail: @escaping @Sendable () -> ActDetail = { [:] }
  ) -> ControlLogEntry {
    entry {
      .act(
        ControlActRecord(
          caller: caller, action: action.rawValue, subject: subject, detail: detail().json,
          refusal: refusal?.rawValue ?? ""))
    }
  }

  func act(
    _ action: ControlAction, on subject: String, by caller: Caller,
    _ detail: @escaping @Sendable () -> ActDetail = { [:] }
  ) -> ControlLogEntry {
    act(action, on: subject, by: caller.recorded, detail)
  }

  // MARK: Reads

  /// Notes that audit data is about to be read; call it before, and read nothing when it throws.
  ///
  /// A question that goes on (the next page, the next look of a follower) is noted again once a
  /// minute, not each time.
  /// - Parameters:
  ///   - question: What is asked for, without the place where it goes on.
  ///   - goesOn: Whether it continues an earlier answer.
  func willRead(
    _ what: String, _ question: some Encodable & Sendable, goesOn: Bool = false, by caller: Caller
  ) async throws(ControlError) {
    let text = CanonicalJSON.text(question)
    let key = RecentReads.Key(tokenID: caller.tokenID, what: what, question: text)
    let now = surroundings.now()
    if goesOn, reads.isNoted(key, at: now) { return }
    do {
      try await store.append(
        entry {
          .read(AuditReadRecord(caller: caller.recorded, what: what, question: text))
        })
    } catch {
      throw ControlError(
        error.code,
        "Nothing was read, since the read could not be recorded in the control plane's own log: "
          + error.message, remedy: error.remedy)
    }
    reads.note(key, at: now)
  }

  // MARK: Refusals

  /// Notes a call of the API that was refused for who its caller is.
  ///
  /// - Parameter route: The method and the path as the route has it, without its parameters.
  package func refused(
    _ route: String, _ code: ControlError.Code, from address: String, caller: Caller? = nil
  ) async {
    guard let leftOut = refusals.take(at: surroundings.now()) else { return }
    let who = caller?.recorded ?? .stranger(from: address)
    await append(
      act(.callAPI, on: route, by: who, refusal: code) {
        leftOut > 0 ? ["left_out": .number(leftOut)] : [:]
      }, leftOut: leftOut + 1)
  }

  /// Notes how many refusals were left out, when no later one told.
  func tellLeftOut() async {
    let leftOut = refusals.takeLeftOut()
    guard leftOut > 0 else { return }
    await append(
      act(.callAPI, on: "", by: .stranger(from: ""), refusal: .unauthorized) {
        ["left_out": .number(leftOut)]
      }, leftOut: leftOut)
  }

  private func append(_ entry: ControlLogEntry, leftOut: Int) async {
    do {
      try await store.append(entry)
    } catch {
      refusals.giveBack(leftOut)
      surroundings.logger.error(
        "a refusal could not be recorded", metadata: ["error": "\(error)"])
    }
  }

  // MARK: Maintenance

  /// Takes the heads of the agents' logs into it until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      do {
        try await surroundings.sleep(Self.witnessInterval)
      } catch {
        return
      }
      await tellLeftOut()
      await witnessAgents()
      await tellEquivocations()
    }
  }

  /// Takes the agents that were quarantined into it. It is done here and not where they are found,
  /// so that no shipment waits for this log.
  func tellEquivocations() async {
    do {
      try await store.tellEquivocations { found in
        if let root = found.storedRoot {
          return entry {
            .equivocation(
              EquivocationRecord(
                log: found.log, size: found.size, storedRoot: root, checkpoint: found.checkpoint,
                detail: found.detail))
          }
        }
        return act(.quarantineAgent, on: "\(found.log.agent)", by: .controlPlane) {
          ["log": .text("\(found.log)"), "reason": .text(found.detail)]
        }
      }
    } catch {
      surroundings.logger.error(
        "quarantined agents are not recorded yet", metadata: ["error": "\(error)"])
    }
  }

  /// Takes the heads of the agents' logs that have grown into it.
  func witnessAgents() async {
    do {
      _ = try await store.witness(limit: Self.maximumHeads) { record in entry { .witness(record) } }
    } catch {
      surroundings.logger.error(
        "the agents' logs were not witnessed and will be tried again",
        metadata: ["error": "\(error)"])
    }
  }
}

extension Caller {
  /// As the control plane's log names it.
  var recorded: RecordedCaller {
    RecordedCaller(
      tokenID: tokenID.description, name: name, role: role.rawValue, address: address)
  }
}

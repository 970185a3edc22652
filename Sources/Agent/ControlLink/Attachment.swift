internal import AgentLink
internal import GRPCCore
internal import GatewayModel
internal import Synchronization
internal import SystemClock
internal import Telemetry

/// One Attach stream: says how the agent is, takes bundles and commands.
struct Attachment: Sendable {
  typealias Message = Sallyport_Link_V1_AgentMessage

  /// Tests under way at once; a further one is answered at once.
  static let maximumTests = 4
  /// How often the agent's health is looked at.
  static let healthInterval = Duration.seconds(1)
  /// Unchanged health is told again after so many looks.
  static let healthRepeat = 5

  let client: LinkClient
  private let outbox = LinkOutbox<Message>()
  private let tests = TestSlots(limit: Self.maximumTests)

  init(client: LinkClient) { self.client = client }

  /// Runs until the stream ends.
  func run(_ link: LinkClient.Link) async throws {
    var options = CallOptions.defaults
    options.maxResponseMessageBytes = LinkTransport.maximumMessageBytes
    let hello = await helloMessage()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [options] in
        try await link.attach(options: options) { writer in
          try await writer.write(hello)
          for await message in outbox.messages { try await writer.write(message) }
        } onResponse: { response in
          // Reading the metadata throws when the call was refused.
          if case .failure(let error) = response.accepted { throw error }
          client.status.attached()
          await client.note(removed: false)
          client.logger.info("attached", metadata: [LogKey.address: "\(client.endpoint)"])
          try await take(response.messages)
        }
      }
      group.addTask { try await tellHealth() }
      defer {
        outbox.finish()
        group.cancelAll()
      }
      try await group.next()
    }
  }

  private func helloMessage() async -> Message {
    let version = await client.bundles.versionInForce
    let root = await client.bundles.rootVersion
    return .with {
      $0.hello = .with {
        $0.rootVersion = root
        $0.agentVersion = client.hello.agentVersion
        $0.hostname = client.hello.hostname
        $0.clientAddress = client.hello.clientAddress
        $0.acceptedBundleVersion = version
      }
    }
  }

  private func take(
    _ messages: RPCAsyncSequence<Sallyport_Link_V1_ControlMessage, any Error>
  ) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      for try await message in messages {
        switch message.message {
        case .bundle(let update):
          // In turn: the next is read only when this one is in force or refused.
          try send(await client.bundles.take(Array(update.envelope), now: WallTime.now()))
        case .lease(let update):
          let verdict = await client.bundles.takeLease(Array(update.envelope), now: WallTime.now())
          if let verdict { try send(verdict) }
        case .root(let update):
          try send(await client.bundles.takeRoots(update.envelopes.map { Array($0) }))
        case .testConnection(let command):
          guard tests.enter() else {
            try outbox.send(
              result(
                of: command,
                ConnectionTestAnswer(
                  ok: false, detail: "the agent is busy with other tests: try again shortly",
                  duration: .zero)))
            continue
          }
          group.addTask {
            defer { tests.leave() }
            let answer = await client.tester.test(
              connection: command.connection, role: command.role)
            try outbox.send(result(of: command, answer))
          }
        case nil:
          // A command of a newer control plane: it learns from the agent's version.
          client.logger.debug("unknown command from the control plane")
        }
      }
      group.cancelAll()
    }
  }

  private func result(
    of command: Sallyport_Link_V1_TestConnection, _ answer: ConnectionTestAnswer
  ) -> Message {
    .with {
      $0.testResult = .with {
        $0.requestID = command.requestID
        $0.ok = answer.ok
        $0.detail = answer.detail
        $0.durationMicroseconds = UInt64(
          clamping: Int64((answer.duration / .microseconds(1)).rounded()))
      }
    }
  }

  private func tellHealth() async throws {
    var last: Sallyport_Link_V1_AgentHealth?
    var looks = 0
    while true {
      let report = await client.health()
      let version = await client.bundles.versionInForce
      let health = Sallyport_Link_V1_AgentHealth.with {
        $0.state = report.state.rawValue
        $0.problems = report.problems
        $0.openSessions = report.openSessions
        $0.backlogRecords = report.backlogRecords
        $0.acceptedBundleVersion = version
      }
      if changed(health, since: last) || looks >= Self.healthRepeat {
        try outbox.send(.with { $0.health = health })
        last = health
        looks = 0
      }
      looks += 1
      try await Task.sleep(for: Self.healthInterval)
    }
  }

  /// The two counts alone change all the time and are not worth a message of their own.
  private func changed(
    _ health: Sallyport_Link_V1_AgentHealth, since last: Sallyport_Link_V1_AgentHealth?
  ) -> Bool {
    guard let last else { return true }
    return health.state != last.state || health.problems != last.problems
      || health.acceptedBundleVersion != last.acceptedBundleVersion
  }

  private func send(_ verdict: BundleAcceptor.Verdict) throws {
    try outbox.send(
      .with {
        $0.bundleVerdict = .with {
          $0.document = verdict.document.rawValue
          $0.version = verdict.version
          $0.accepted = verdict.accepted
          $0.reason = verdict.reason
          $0.detail = verdict.detail
        }
      })
  }
}

/// Bounds how many tests run at once.
private final class TestSlots: Sendable {
  private let limit: Int
  private let used = Mutex(0)

  init(limit: Int) { self.limit = limit }

  func enter() -> Bool {
    used.withLock {
      guard $0 < limit else { return false }
      $0 += 1
      return true
    }
  }

  func leave() { used.withLock { $0 -= 1 } }
}

import NIOCore
import PostgresWire

@testable import SessionCore

/// Answers like PostgreSQL, by its own rules for errors, Sync, COPY, portals and transactions.
///
/// Its SQL: `rows N`, `tag NAME`, `fail`, `copyin`, `copyview` (which fails once the client was
/// told to send, as COPY into a view does), `copyout N`, `begin`, `commit`, `rollback`,
/// statements joined by `;` in a simple query, and nothing. What it ran, it remembers.
struct ModelServer {
  struct Ran: Equatable {
    /// `nil` where a portal or statement was missing.
    var text: String?
    var outcome: StatementEnded.Outcome
  }

  private struct Portal {
    var text: String
    var left: Int?
  }

  private enum Copy {
    case none
    case simple(text: String, rest: [Substring])
    case extended(text: String)
  }

  private var input = MessageStream()
  private(set) var output = ByteBuffer()
  private(set) var ran: [Ran] = []
  private(set) var isClosed = false
  /// Messages other than Terminate that came, by type.
  private(set) var received = ""
  private var statements: [String: String] = [:]
  private var portals: [String: Portal] = [:]
  private var status: TransactionStatus = .idle
  private var isSkipping = false
  private var copy = Copy.none
  private var copied = 0

  mutating func receive(_ bytes: ByteBuffer) {
    input.append(bytes)
    while !isClosed, let (type, body) = input.next() {
      received.append(type)
      take(type, body)
    }
  }

  mutating func takeOutput(_ count: Int) -> ByteBuffer {
    let bytes = output.readSlice(length: min(count, output.readableBytes)) ?? ByteBuffer()
    output.discardReadBytes()
    return bytes
  }

  /// Says what a server may say at any moment.
  mutating func speakUp() {
    say(
      all([Server.notice("hello"), Server.notification("jobs"), Server.status("TimeZone", "UTC")]))
  }

  private mutating func say(_ bytes: ByteBuffer) { output.writeImmutableBuffer(bytes) }

  private mutating func take(_ type: Character, _ body: ByteBuffer) {
    if case .none = copy {} else { return takeCopy(type, body) }
    if type == "X" {
      isClosed = true
      return
    }
    if isSkipping, type != "S" { return }
    switch type {
    case "Q": query(String(String(buffer: body).dropLast()))
    case "P": parse(body)
    case "B": bind(body)
    case "E": execute(body)
    case "D": describe(body)
    case "C": close(body)
    case "S":
      isSkipping = false
      ready()
    case "H": if body.readableBytes > 0 { fail("08P01", skips: true) }
    case "d", "c", "f": break
    default:
      say(Server.error("08P01", "invalid frontend message type", severity: .fatal))
      isClosed = true
    }
  }

  private mutating func ready() {
    if status == .idle { portals = [:] }
    say(Server.ready(status))
  }

  private mutating func fail(_ code: String, _ text: String = "failed", skips: Bool) {
    say(Server.error(code, text))
    if status == .inTransaction { status = .failed }
    if skips { isSkipping = true }
  }

  // MARK: Simple

  private mutating func query(_ text: String) {
    statements[""] = nil
    portals[""] = nil
    if text.isEmpty {
      ran.append(Ran(text: text, outcome: .completed))
      say(Server.empty)
      return ready()
    }
    runSimple(text, text.split(separator: ";"))
  }

  private mutating func runSimple(_ text: String, _ parts: [Substring]) {
    var parts = parts
    while !parts.isEmpty {
      let part = String(parts.removeFirst())
      if part == "copyin" || part == "copyview", status != .failed {
        copy = .simple(text: text, rest: parts)
        return beginCopy(into: part)
      }
      guard run(part, skips: false) else {
        ran.append(Ran(text: text, outcome: .failed))
        return ready()
      }
    }
    ran.append(Ran(text: text, outcome: .completed))
    ready()
  }

  /// Runs one statement but for COPY in; `false` when it failed.
  private mutating func run(_ text: String, skips: Bool) -> Bool {
    if status == .failed, text != "rollback", text != "commit" {
      fail("25P02", skips: skips)
      return false
    }
    let words = text.split(separator: " ")
    switch words.first {
    case "rows", "copyout":
      let count = Int(words.last ?? "0") ?? 0
      let isCopy = words.first == "copyout"
      if isCopy { say(Server.copyOut) }
      for _ in 0..<count { say(isCopy ? Server.copyData("x") : Server.row) }
      if isCopy { say(Server.copyDone) }
      say(Server.complete("\(isCopy ? "COPY" : "SELECT") \(count)"))
    case "begin":
      status = .inTransaction
      say(Server.complete("BEGIN"))
    case "commit", "rollback":
      say(Server.complete(status == .failed || text == "rollback" ? "ROLLBACK" : "COMMIT"))
      status = .idle
      if skips { portals = portals.filter { $0.value.text == text } }
    case "tag": say(Server.complete(String(words.last ?? "")))
    case "DO":
      let token = text.split(separator: "'").first { $0.hasPrefix("sallyport:") } ?? "?"
      fail("0A000", "constraint \(token)", skips: skips)
      return false
    default:
      fail("42601", "syntax error", skips: skips)
      return false
    }
    return true
  }

  // MARK: Extended

  private mutating func parse(_ body: ByteBuffer) {
    guard let message = try? FrontendMessage.Parse(decoding: body) else {
      return fail("08P01", skips: true)
    }
    let name = message.name.text
    let text = String(buffer: message.sql)
    if name.isEmpty { statements[""] = nil }
    if status == .failed, text != "rollback" { return fail("25P02", skips: true) }
    if text.hasPrefix("SELECT \"sallyport:") { return fail("42703", text, skips: true) }
    if text == "unparsable" { return fail("42601", skips: true) }
    if statements[name] != nil { return fail("42P05", skips: true) }
    statements[name] = text
    say(Server.parseComplete)
  }

  private mutating func bind(_ body: ByteBuffer) {
    guard let message = try? FrontendMessage.Bind(decoding: body) else {
      return fail("08P01", skips: true)
    }
    let name = message.statement.text
    guard let text = statements[name] else {
      return fail("26000", "prepared statement \"\(name)\" does not exist", skips: true)
    }
    if status == .failed, text != "rollback" { return fail("25P02", skips: true) }
    let portal = message.portal.text
    if !portal.isEmpty, portals[portal] != nil { return fail("42P03", skips: true) }
    portals[portal] = Portal(text: text)
    say(Server.bindComplete)
  }

  private mutating func execute(_ body: ByteBuffer) {
    guard let message = try? FrontendMessage.Execute(decoding: body) else {
      return fail("08P01", skips: true)
    }
    let name = message.portal.text
    guard let portal = portals[name] else {
      // What stands in place of a refused Execute is no execution.
      if !name.hasPrefix("sallyport:") { ran.append(Ran(text: nil, outcome: .failed)) }
      return fail("34000", "portal \"\(name)\" does not exist", skips: true)
    }
    if portal.text == "copyin" || portal.text == "copyview", status != .failed {
      copy = .extended(text: portal.text)
      return beginCopy(into: portal.text)
    }
    if portal.text.hasPrefix("rows "), message.maximumRows > 0, status != .failed {
      return fetch(name, portal, limit: Int(message.maximumRows))
    }
    if portal.text.isEmpty {
      ran.append(Ran(text: "", outcome: .completed))
      return say(Server.empty)
    }
    let done = run(portal.text, skips: true)
    ran.append(Ran(text: portal.text, outcome: done ? .completed : .failed))
  }

  private mutating func fetch(_ name: String, _ portal: Portal, limit: Int) {
    let left = portal.left ?? Int(portal.text.dropFirst(5)) ?? 0
    let count = min(left, limit)
    say(Server.rows(count))
    portals[name]?.left = left - count
    if left - count > 0 {
      ran.append(Ran(text: portal.text, outcome: .suspended))
      say(Server.suspended)
    } else {
      ran.append(Ran(text: portal.text, outcome: .completed))
      say(Server.complete("SELECT \(count)"))
    }
  }

  private mutating func describe(_ body: ByteBuffer) {
    guard let message = try? FrontendMessage.Describe(decoding: body) else {
      return fail("08P01", skips: true)
    }
    switch message.target {
    case .statement(let name):
      guard let text = statements[name.text] else { return fail("26000", skips: true) }
      say(Server.parameterDescription([23]))
      say(text.hasPrefix("rows") ? Server.rowDescription : Server.noData)
    case .portal(let name):
      guard let portal = portals[name.text] else { return fail("34000", skips: true) }
      say(portal.text.hasPrefix("rows") ? Server.rowDescription : Server.noData)
    }
  }

  private mutating func close(_ body: ByteBuffer) {
    guard let message = try? FrontendMessage.Close(decoding: body) else {
      return fail("08P01", skips: true)
    }
    switch message.target {
    case .statement(let name): statements[name.text] = nil
    case .portal(let name): portals[name.text] = nil
    }
    say(Server.closeComplete)
  }

  // MARK: COPY in

  private mutating func beginCopy(into text: String) {
    copied = 0
    say(Server.copyIn)
    if text == "copyview" { failCopy("42809") }
  }

  private mutating func takeCopy(_ type: Character, _ body: ByteBuffer) {
    switch type {
    case "d":
      copied += 1
      if String(buffer: body) == "bad" { failCopy("22P04") }
    case "c":
      say(Server.complete("COPY \(copied)"))
      let ended = copy
      copy = .none
      switch ended {
      case .none: break
      case .extended(let text): ran.append(Ran(text: text, outcome: .completed))
      case .simple(let text, let rest): runSimple(text, rest)
      }
    case "f": failCopy("57014")
    case "S", "H": break
    default:
      failCopy("08P01", isReady: false)
      say(Server.error("08P01", "protocol synchronization was lost", severity: .fatal))
      isClosed = true
    }
  }

  private mutating func failCopy(_ code: String, isReady: Bool = true) {
    let ended = copy
    copy = .none
    switch ended {
    case .none: break
    case .extended(let text):
      ran.append(Ran(text: text, outcome: .failed))
      fail(code, skips: true)
    case .simple(let text, _):
      ran.append(Ran(text: text, outcome: .failed))
      fail(code, skips: false)
      if isReady { ready() }
    }
  }
}

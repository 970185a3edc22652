import CLibPQ

/// One connection to the database; its calls block.
///
/// Not sendable: it lives and dies on the thread of its ``PostgresWorker``.
final class PostgresSession {
  private let address: DatabaseAddress
  private let connection: OpaquePointer
  private let warnings = ServerWarnings()

  /// Connects.
  ///
  /// - Throws: `unreachable`, or `server` when the server refuses the login.
  init(address: DatabaseAddress) throws(PostgresError) {
    self.address = address
    // What the URL says comes last and wins. The time-outs keep a dead network from holding a
    // thread for the hours that TCP alone would wait.
    let settings: [(String, String)] = [
      ("connect_timeout", "5"),
      ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
      ("tcp_user_timeout", "20000"),
      ("fallback_application_name", "sallyport-control"),
      ("dbname", address.url),
      ("client_encoding", "UTF8"),
    ]
    let keywords = CStrings(settings.map(\.0))
    let values = CStrings(settings.map(\.1))
    guard let connection = PQconnectdbParams(keywords.pointers, values.pointers, 1) else {
      throw PostgresError(code: .unreachable, message: "out of memory")
    }
    // From here on `deinit` ends the connection, also when the rest throws.
    self.connection = connection
    guard PQstatus(connection) == CONNECTION_OK else {
      let detail = address.redacted(Self.message(of: connection))
      throw PostgresError(
        code: .unreachable, message: "cannot connect to \(address): \(detail)")
    }
    // Notices would go to standard error. The warnings live as long as the connection.
    PQsetNoticeReceiver(
      connection,
      { warnings, result in
        guard let warnings, let result else { return }
        Unmanaged<ServerWarnings>.fromOpaque(warnings).takeUnretainedValue().take(result)
      }, Unmanaged.passUnretained(warnings).toOpaque())
    try script(
      """
      SET timezone = 'UTC'; SET synchronous_commit = on; SET search_path = pg_catalog;
      SET statement_timeout = '60s'; SET lock_timeout = '20s';
      SET idle_in_transaction_session_timeout = '60s'
      """)
  }

  deinit { PQfinish(connection) }

  /// Whether the connection can be used again: it is up and in no transaction.
  var isReusable: Bool {
    PQstatus(connection) == CONNECTION_OK && PQtransactionStatus(connection) == PQTRANS_IDLE
  }

  private var isLost: Bool { PQstatus(connection) != CONNECTION_OK }

  /// Runs a statement and reads its rows.
  func rows<Row>(
    _ sql: String, _ parameters: [SQLValue] = [],
    _ read: (inout RowReader) throws(PostgresError) -> Row
  ) throws(PostgresError) -> [Row] {
    let result = try send(sql, parameters)
    defer { PQclear(result) }
    var rows: [Row] = []
    let count = PQntuples(result)
    rows.reserveCapacity(Int(count))
    for index in 0..<max(0, count) {
      var reader = RowReader(result: result, row: index)
      rows.append(try read(&reader))
    }
    return rows
  }

  /// Runs a statement that gives at most one row.
  func row<Row>(
    _ sql: String, _ parameters: [SQLValue] = [],
    _ read: (inout RowReader) throws(PostgresError) -> Row
  ) throws(PostgresError) -> Row? {
    try rows(sql, parameters, read).first
  }

  /// Runs a statement and tells how many rows it changed.
  @discardableResult
  func execute(_ sql: String, _ parameters: [SQLValue] = []) throws(PostgresError) -> Int {
    let result = try send(sql, parameters)
    defer { PQclear(result) }
    return PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
  }

  /// Runs statements without parameters, all in one transaction unless they say otherwise.
  func script(_ sql: String) throws(PostgresError) {
    let result = PQexec(connection, sql)
    defer { PQclear(result) }
    try check(result, expecting: [PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY])
  }

  /// What the server has warned of since the last call, the first of it.
  func takeWarnings() -> [String] { warnings.takeAll() }

  /// Streams rows into a table with `COPY … FROM STDIN (FORMAT binary)`.
  func copy(_ rows: CopyRows, into target: String) throws(PostgresError) {
    guard rows.count > 0 else { return }
    let start = PQexec(connection, "COPY \(target) FROM STDIN (FORMAT binary)")
    do {
      defer { PQclear(start) }
      try check(start, expecting: [PGRES_COPY_IN])
    }
    let whole = rows.finished()
    var sent = true
    whole.withUnsafeBytes { raw in
      var offset = 0
      while offset < raw.count, sent {
        let piece = raw[offset..<min(raw.count, offset + Self.copyPieceBytes)]
        sent =
          PQputCopyData(
            connection,
            UnsafeRawBufferPointer(rebasing: piece).bindMemory(to: CChar.self)
              .baseAddress, Int32(piece.count)) == 1
        offset += piece.count
      }
    }
    if sent { sent = PQputCopyEnd(connection, nil) == 1 }
    guard sent else { throw failure(nil) }
    // The outcome, and then the end of results: reading less would leave the connection in COPY.
    var outcome: PostgresError?
    while let result = PQgetResult(connection) {
      defer { PQclear(result) }
      do {
        try check(result, expecting: [PGRES_COMMAND_OK])
      } catch {
        outcome = outcome ?? error
        if isLost { break }
      }
    }
    if let outcome { throw outcome }
  }

  private static let copyPieceBytes = 256 * 1024

  private func send(
    _ sql: String, _ parameters: [SQLValue]
  ) throws(PostgresError) -> OpaquePointer {
    var buffer: [UInt8] = []
    var types: [Oid] = []
    var offsets: [Int?] = []
    var lengths: [Int32] = []
    for parameter in parameters {
      types.append(parameter.typeOID)
      let start = buffer.count
      parameter.append(to: &buffer)
      offsets.append(parameter.isNull ? nil : start)
      lengths.append(Int32(clamping: buffer.count - start))
    }
    // An empty value needs an address too: NULL would make it an SQL NULL.
    buffer.append(0)
    let formats = [Int32](repeating: 1, count: parameters.count)
    let result = buffer.withUnsafeBytes { raw in
      let base = raw.bindMemory(to: CChar.self).baseAddress
      let values: [UnsafePointer<CChar>?] = offsets.map { offset in
        offset.flatMap { base?.advanced(by: $0) }
      }
      return PQexecParams(
        connection, sql, Int32(clamping: parameters.count), types, values, lengths, formats, 1)
    }
    do {
      return try check(result, expecting: [PGRES_COMMAND_OK, PGRES_TUPLES_OK])
    } catch {
      PQclear(result)
      throw error
    }
  }

  @discardableResult
  private func check(
    _ result: OpaquePointer?, expecting: [ExecStatusType]
  ) throws(PostgresError) -> OpaquePointer {
    guard let result, expecting.contains(PQresultStatus(result)) else { throw failure(result) }
    return result
  }

  private func failure(_ result: OpaquePointer?) -> PostgresError {
    func field(_ code: Character) -> String {
      PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) } ?? ""
    }
    let sqlstate = result == nil ? "" : field("C")
    // An administrator's or a crash's end of the connection comes as an error of the server first.
    if isLost || sqlstate.hasPrefix("57P") || sqlstate.hasPrefix("08") {
      let detail = address.redacted(Self.message(of: connection))
      return PostgresError(
        code: .connectionLost, message: "the connection to \(address) was lost: \(detail)",
        sqlstate: sqlstate)
    }
    let message = address.redacted(field("M"))
    return PostgresError(
      code: sqlstate.isEmpty ? .unexpected : .server,
      message: sqlstate.isEmpty
        ? "the database gave an answer that was not expected: "
          + address.redacted(Self.message(of: connection))
        : "the database refused it: \(message) (SQLSTATE \(sqlstate))",
      sqlstate: sqlstate, constraint: field("n"))
  }

  private static func message(of connection: OpaquePointer) -> String {
    let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
    return text.split(whereSeparator: \.isNewline).map { line in
      line.drop { $0 == " " || $0 == "\t" }
    }.joined(separator: "; ")
  }
}

/// What a server warns of on one connection; the rest of its notices is nobody's matter.
private final class ServerWarnings {
  /// The most that are kept; a count stands for the rest.
  private static let maximumKept = 1000
  private var kept: [String] = []
  private var leftOut = 0

  func take(_ notice: OpaquePointer) {
    func field(_ code: Character) -> String? {
      PQresultErrorField(notice, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
    }
    // The severity that no language changes.
    guard field("V") == "WARNING", let message = field("M") else { return }
    if kept.count < Self.maximumKept { kept.append(message) } else { leftOut += 1 }
  }

  func takeAll() -> [String] {
    defer { (kept, leftOut) = ([], 0) }
    return leftOut == 0 ? kept : kept + ["and \(leftOut) more warnings"]
  }
}

/// Texts as C strings for the time of a call, ended by a null pointer.
private final class CStrings {
  private var storage: [UnsafeMutablePointer<CChar>] = []
  private(set) var pointers: [UnsafePointer<CChar>?] = []

  init(_ texts: [String]) {
    for text in texts {
      let bytes = Array(text.utf8CString)
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
      copy.initialize(from: bytes, count: bytes.count)
      storage.append(copy)
      pointers.append(UnsafePointer(copy))
    }
    pointers.append(nil)
  }

  deinit { for pointer in storage { pointer.deallocate() } }
}

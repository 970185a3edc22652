import Foundation
import Glibc

/// A real PostgreSQL cluster in a scratch folder, stopped and removed with its last reference.
///
/// As root it runs as an unprivileged user, since PostgreSQL refuses to run as root. It listens on
/// a free port of 127.0.0.1 (TLS with a certificate of its own, scram-sha-256) and on a Unix socket.
package final class PostgresCluster: Sendable {
  package let folder: ScratchFolder
  package let port: Int
  package let superuser = "postgres"
  package let superuserPassword: String
  /// The authority that vouches for the server's certificate, as a PEM file.
  package var authorityFile: String { folder.file("server-ca.pem") }
  /// The folder of the Unix socket.
  package var socketFolder: String { folder.path }

  private static let owner: String? = geteuid() == 0 ? "postgres" : nil

  /// The folder of the server's programs, as pg_config names it.
  package static func programFolder() async throws -> String {
    do {
      let outcome = try await run("pg_config", ["--bindir"])
      return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    } catch {
      throw TestFailure("pg_config is missing: apt-get install postgresql libpq-dev")
    }
  }

  /// Makes and starts a cluster.
  ///
  /// - Parameters:
  ///   - settings: Lines for postgresql.conf.
  ///   - rules: Lines of pg_hba.conf that come before its own.
  ///   - clientAuthorities: PEM of the authorities whose certificates clients may show.
  package init(
    settings: [String] = [], rules: [String] = [], clientAuthorities: String? = nil
  ) async throws {
    folder = try ScratchFolder("pg")
    port = try FreePort.next()
    superuserPassword = "pg-\(UInt64.random(in: 0 ... .max))"
    if let owner = Self.owner {
      _ = try await run("chown", [owner, folder.path])
    }
    try folder.write(superuserPassword, to: "password")
    if let owner = Self.owner { _ = try await run("chown", [owner, folder.file("password")]) }
    try await program(
      "initdb",
      [
        "-D", data, "-U", superuser, "--pwfile=\(folder.file("password"))",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
      ])
    try await makeCertificate()
    var settings = settings
    if let clientAuthorities {
      try clientAuthorities.write(
        toFile: "\(data)/client-ca.pem", atomically: true, encoding: .utf8)
      if let owner = Self.owner { _ = try await run("chown", [owner, "\(data)/client-ca.pem"]) }
      settings.append("ssl_ca_file = 'client-ca.pem'")
    }
    try rewrite("pg_hba.conf") { (rules + [$0]).joined(separator: "\n") }
    let configuration =
      [
        "listen_addresses = '127.0.0.1'", "port = \(port)",
        "unix_socket_directories = '\(folder.path)'", "ssl = on", "fsync = off",
        "max_connections = 200", "log_statement = 'none'",
      ] + settings
    try rewrite("postgresql.conf") { "\($0)\(configuration.joined(separator: "\n"))\n" }
    try await start()
  }

  /// Puts new contents into a file of the cluster, which keeps its owner.
  private func rewrite(_ name: String, _ contents: (String) -> String) throws {
    let path = "\(data)/\(name)"
    guard let old = try? String(contentsOfFile: path, encoding: .utf8),
      let file = FileHandle(forWritingAtPath: path)
    else { throw TestFailure("cannot write \(path)") }
    try file.write(contentsOf: Data(contents(old).utf8))
    try file.truncate(atOffset: file.offset())
    try file.close()
  }

  private var data: String { folder.file("data") }

  package func start() async throws {
    Leftovers.began(cluster: data)
    try await program(
      "pg_ctl", ["-D", data, "-l", folder.file("server.log"), "-w", "-t", "60", "start"])
  }

  /// Stops the server; `mode` is `fast` or `immediate`.
  package func stop(mode: String = "fast") async throws {
    try await program("pg_ctl", ["-D", data, "-m", mode, "-w", "-t", "60", "stop"])
  }

  /// Runs SQL as the superuser and gives its unaligned output without headers.
  ///
  /// - Throws: ``TestFailure`` with psql's messages when a statement fails.
  @discardableResult
  package func sql(_ sql: String, database: String = "postgres") async throws -> String {
    let outcome = try await run(
      "psql",
      [
        "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", "\(port)",
        "-U", superuser, "-d", database, "-f", "-",
      ],
      environment: ["PGPASSWORD": superuserPassword], input: sql)
    guard outcome.succeeded else { throw TestFailure("\(sql): \(outcome.errors)") }
    return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func program(_ name: String, _ arguments: [String]) async throws {
    let path = try await "\(Self.programFolder())/\(name)"
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw TestFailure("\(path) is missing: apt-get install postgresql")
    }
    let outcome = try await run(path, arguments, user: Self.owner, within: .seconds(90))
    guard outcome.succeeded else {
      throw TestFailure("\(name) failed: \(outcome.errors)\(outcome.output)")
    }
  }

  private func makeCertificate() async throws {
    let made = try await run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", "\(data)/server.key", "-out",
        "\(data)/server.crt",
      ])
    guard made.succeeded else { throw TestFailure("openssl failed: \(made.errors)") }
    try FileManager.default.copyItem(atPath: "\(data)/server.crt", toPath: authorityFile)
    _ = try await run("chmod", ["600", "\(data)/server.key"])
    if let owner = Self.owner {
      _ = try await run("chown", [owner, "\(data)/server.key", "\(data)/server.crt"])
    }
  }

  deinit { Leftovers.stopCluster(data: data) }
}

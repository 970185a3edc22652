import java.io.*;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.*;
import org.postgresql.largeobject.*;
import org.postgresql.xa.PGXADataSource;

/** Connections, transactions, COPY, cancelling, listening, metadata. */
public class Sessions extends Run {
  static void waysToConnect() throws Exception {
    for (String[] more : new String[][] {
        {}, {"sslmode", "require"}, {"sslmode", "verify-ca"}, {"sslmode", "prefer"}, {"sslmode", "allow"}, {"ApplicationName", "mine"},
        {"assumeMinServerVersion", "12"}, {"loginTimeout", "20"}, {"socketTimeout", "20"}, {"tcpKeepAlive", "true"},
        {"targetServerType", "primary"}, {"targetServerType", "secondary"}, {"readOnly", "true"}, {"gssEncMode", "prefer"},
        {"sslfactory", "org.postgresql.ssl.NonValidatingFactory", "sslmode", "require"}, {"connectTimeout", "10"}, {"loggerLevel", "OFF"},
        {"unknownLength", "5"}, {"quoteReturningIdentifiers", "false"}, {"allowEncodingChanges", "true"},
        {"receiveBufferSize", "4096", "sendBufferSize", "4096"}, {"sslpassword", "x"}}) {
      attempt(String.join(" ", more), () -> {
        try (Connection connection = connect(more)) {
          return query(connection, "select 1, current_user") + connection.isReadOnly();
        }
      });
    }
  }

  static void wrongPassword() throws Exception {
    attempt("password", () -> connect("password", "nonsense"));
  }

  static void schemaAtStartup() throws Exception {
    attempt("schema", () -> {
      try (Connection connection = connect("currentSchema", "pg_catalog")) {
        return query(connection, "show search_path");
      }
    });
  }

  static void optionsAtStartup() throws Exception {
    attempt("options", () -> {
      try (Connection connection = connect("options", "-c work_mem=1MB")) {
        return query(connection, "show work_mem");
      }
    });
  }

  static void withoutTLS() throws Exception {
    attempt("plain", () -> {
      try (Connection connection = connect("sslmode", "disable")) {
        return query(connection, "select 1");
      }
    });
  }

  static void transactions() throws Exception {
    try (Connection connection = connect()) {
      connection.setAutoCommit(false);
      query(connection, "insert into parts values (1, 'kept')");
      connection.commit();
      query(connection, "insert into parts values (1, 'lost')");
      connection.rollback();
      attempt("error", () -> query(connection, "select 1/0"));
      attempt("aborted", () -> query(connection, "select 1"));
      attempt("commit of an aborted one", () -> {
        connection.commit();
        return "committed";
      });
      connection.rollback();
      Savepoint first = connection.setSavepoint("od\"d é");
      query(connection, "insert into parts values (1, 'after')");
      Savepoint second = connection.setSavepoint();
      attempt("error", () -> query(connection, "select nothing"));
      connection.rollback(second);
      connection.releaseSavepoint(second);
      say(query(connection, "select serial from parts where item = 1 and serial not like 'p%'"));
      connection.rollback(first);
      connection.commit();
      attempt("gone", () -> {
        connection.rollback(first);
        return "rolled back";
      });
      connection.rollback();
      for (int level : new int[] {1, 2, 4, 8}) {
        connection.setTransactionIsolation(level);
        say(level, query(connection, "show transaction_isolation"));
        connection.rollback();
      }
      for (String mode : new String[] {"ignore", "transaction", "always"}) {
        try (Connection other = connect("readOnlyMode", mode)) {
          other.setReadOnly(true);
          other.setAutoCommit(!mode.equals("transaction"));
          attempt("read only " + mode, () -> query(other, "insert into parts values (1, '" + mode + "')"));
        }
      }
      connection.setHoldability(ResultSet.HOLD_CURSORS_OVER_COMMIT);
      say(connection.getHoldability(), connection.isClosed());
    }
  }

  static void autosave() throws Exception {
    for (String mode : new String[] {"never", "always", "conservative"}) {
      for (String cleanup : new String[] {"true", "false"}) {
        say(mode, cleanup);
        try (Connection connection = connect("autosave", mode, "cleanupSavepoints", cleanup)) {
          connection.setAutoCommit(false);
          query(connection, "insert into log (line) values ('a')");
          attempt("error", () -> query(connection, "select 1/0"));
          attempt("after", () -> query(connection, "select 1"));
          PreparedStatement statement = connection.prepareStatement("select 10 / ?");
          for (int n : new int[] {1, 0, 2}) {
            statement.setInt(1, n);
            attempt(n, () -> rows(statement.executeQuery()));
          }
          statement.setInt(1, 0);
          statement.addBatch();
          attempt("batch", () -> statement.executeBatch());
          attempt("end", () -> query(connection, "select count(*) from log"));
          attempt("commit", () -> {
            connection.commit();
            return "done";
          });
        }
      }
    }
  }

  static void twoPhaseCommit() throws Exception {
    PGXADataSource source = new PGXADataSource();
    source.setUrl(url() + "?sslmode=verify-full&sslrootcert=" + System.getenv("PGSSLROOTCERT"));
    source.setUser(System.getenv("PGUSER"));
    source.setPassword(System.getenv("COMPAT_PASSWORD"));
    javax.sql.XAConnection xa = source.getXAConnection();
    for (int n = 0; n < 3; n++) {
      final int number = n;
      javax.transaction.xa.Xid name = new javax.transaction.xa.Xid() {
        public int getFormatId() { return 7; }
        public byte[] getGlobalTransactionId() { return ("global " + number).getBytes(); }
        public byte[] getBranchQualifier() { return "branch".getBytes(); }
      };
      javax.transaction.xa.XAResource resource = xa.getXAResource();
      resource.start(name, javax.transaction.xa.XAResource.TMNOFLAGS);
      query(xa.getConnection(), "insert into parts values (2, 'xa " + n + "')");
      resource.end(name, javax.transaction.xa.XAResource.TMSUCCESS);
      if (n < 2) {
        say(resource.prepare(name), resource.recover(javax.transaction.xa.XAResource.TMSTARTRSCAN).length);
      }
      if (n == 1) {
        resource.rollback(name);
      } else {
        resource.commit(name, n == 2);
      }
    }
    say(query(xa.getConnection(), "select serial from parts where serial like 'xa%' order by 1"));
    xa.close();
  }

  static void copying() throws Exception {
    try (Connection connection = connect()) {
      CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
      for (String sql : new String[] {
          "copy items to stdout", "copy items (id, made) to stdout (format binary)", "copy empty to stdout", "copy nowhere to stdout",
          "copy (select repeat('x', 1000) from generate_series(1, 3000)) to stdout (format csv)",
          "copy (select 1/(3-n) from generate_series(1,5) n) to stdout"}) {
        ByteArrayOutputStream taken = new ByteArrayOutputStream();
        attempt(sql, () -> copy.copyOut(sql, taken));
        say(taken.toByteArray());
      }
      Object[][] loads = {
          {"copy empty from stdin", "1\n2\n"}, {"copy empty from stdin", "x\n"}, {"copy empty from stdin", ""},
          {"copy empty from stdin (format csv, header)", "id\n7\n"}, {"copy nowhere from stdin", "1\n"},
          {"copy empty from stdin", "123\n".repeat(100000)}};
      for (Object[] load : loads) {
        attempt(load[0], () -> copy.copyIn((String) load[0], new StringReader((String) load[1])));
        attempt(load[0], () -> copy.copyIn(
            (String) load[0], new ByteArrayInputStream(((String) load[1]).getBytes(StandardCharsets.UTF_8)), 777));
      }
      CopyIn in = copy.copyIn("copy empty from stdin");
      in.writeToCopy("1\n2\n3".getBytes(), 0, 4);
      in.flushCopy();
      in.cancelCopy();
      say(in.isActive(), in.getHandledRowCount());
      connection.setAutoCommit(false);
      // The driver does not expect its own BEGIN before a COPY.
      query(connection, "select 1");
      try (PGCopyOutputStream stream = new PGCopyOutputStream(connection.unwrap(PGConnection.class), "copy empty from stdin")) {
        for (int n = 0; n < 5000; n++) {
          stream.write((n + "\n").getBytes());
        }
      }
      try (PGCopyInputStream stream = new PGCopyInputStream(connection.unwrap(PGConnection.class), "copy empty to stdout")) {
        say(all(stream));
      }
      say(query(connection, "select count(*) from empty"));
      connection.rollback();
    }
  }

  static void copyOutGivenUp() throws Exception {
    try (Connection connection = connect()) {
      CopyOut out = connection.unwrap(PGConnection.class).getCopyAPI().copyOut(
          "copy (select generate_series(1, 100000000)) to stdout");
      say(out.readFromCopy(), out.getFormat(), out.getFieldCount());
      attempt("cancelled", () -> {
        out.cancelCopy();
        return out.isActive();
      });
    }
  }

  static void cancelling() throws Exception {
    ScheduledExecutorService later = Executors.newScheduledThreadPool(1);
    try (Connection connection = connect()) {
      for (boolean autocommit : new boolean[] {true, false}) {
        connection.setAutoCommit(autocommit);
        Statement statement = connection.createStatement();
        later.schedule(() -> {
          statement.cancel();
          return null;
        }, 300, TimeUnit.MILLISECONDS);
        attempt("cancel", () -> statement.executeQuery("select pg_sleep(20)"));
        attempt("after", () -> query(connection, "select 1"));
        if (!autocommit) {
          connection.rollback();
        }
        statement.setQueryTimeout(1);
        attempt("timeout", () -> statement.executeQuery("select pg_sleep(20)"));
        if (!autocommit) {
          connection.rollback();
        }
        attempt("in time", () -> rows(statement.executeQuery("select 2")));
        statement.cancel();
        statement.setQueryTimeout(0);
        Thread.sleep(100);
        attempt("cancelled when idle", () -> rows(statement.executeQuery("select 3")));
        if (!autocommit) {
          connection.rollback();
        }
      }
    } finally {
      later.shutdown();
    }
  }

  static void networkTimeoutAndAbort() throws Exception {
    Connection connection = connect();
    connection.setNetworkTimeout(Runnable::run, 500);
    attempt("slow", () -> query(connection, "select pg_sleep(5)"));
    say(connection.isClosed());
    Connection other = connect();
    other.abort(Runnable::run);
    attempt("aborted", () -> query(other, "select 1"));
    attempt("socketTimeout", () -> query(connect("socketTimeout", "1", "cancelSignalTimeout", "2"), "select pg_sleep(5)"));
  }

  static void listening() throws Exception {
    try (Connection one = connect(); Connection two = connect()) {
      query(one, "listen news");
      for (int n = 0; n < 20; n++) {
        query(two, "select pg_notify('news', 'payload é " + n + "')");
      }
      PGConnection own = one.unwrap(PGConnection.class);
      int heard = 0;
      for (int tries = 0; heard < 20 && tries < 50; tries++) {
        PGNotification[] notes = own.getNotifications(1000);
        for (PGNotification note : notes == null ? new PGNotification[0] : notes) {
          say(note.getName(), note.getParameter());
          heard++;
        }
      }
      query(one, "unlisten *");
      query(two, "notify news");
      say(own.getNotifications(200) == null || own.getNotifications(200).length == 0);
      query(one, "listen again; notify again, 'own'");
      say(own.getNotifications()[0].getParameter());
    }
  }

  static void largeObjects() throws Exception {
    try (Connection connection = connect()) {
      connection.setAutoCommit(false);
      LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
      attempt("create", () -> {
        long number = objects.createLO();
        LargeObject object = objects.open(number);
        object.write("written".getBytes());
        object.seek(2);
        byte[] read = object.read(3);
        object.close();
        return new String(read);
      });
      connection.rollback();
      say(query(connection, "select 1"));
    }
  }

  static void metadata() throws Exception {
    try (Connection connection = connect()) {
      DatabaseMetaData about = connection.getMetaData();
      say(about.getDatabaseProductVersion(), about.getDriverVersion(), about.getUserName(), about.getMaxConnections(),
          about.getMaxColumnNameLength(), about.getSQLKeywords(), about.isReadOnly(), about.getURL());
      Action[] questions = {
          () -> rows(about.getTables(null, "public", "%", null)), () -> rows(about.getColumns(null, "public", "items", "%")),
          () -> rows(about.getPrimaryKeys(null, null, "parts")), () -> rows(about.getImportedKeys(null, null, "parts")),
          () -> rows(about.getExportedKeys(null, null, "items")), () -> rows(about.getCrossReference(null, null, "items", null, null, "parts")),
          () -> rows(about.getIndexInfo(null, null, "items", false, true)), () -> rows(about.getSchemas()), () -> rows(about.getCatalogs()),
          () -> rows(about.getTableTypes()), () -> shown(rows(about.getTypeInfo())), () -> shown(rows(about.getFunctions(null, "public", "%"))),
          () -> shown(rows(about.getFunctionColumns(null, "public", "swap", "%"))), () -> rows(about.getProcedures(null, "public", "%")),
          () -> rows(about.getProcedureColumns(null, "public", "twice", "%")), () -> rows(about.getUDTs(null, "public", "%", null)),
          () -> rows(about.getTablePrivileges(null, "public", "items")), () -> rows(about.getColumnPrivileges(null, "public", "items", "id")),
          () -> rows(about.getBestRowIdentifier(null, null, "items", 1, true)), () -> rows(about.getVersionColumns(null, null, "items")),
          () -> rows(about.getClientInfoProperties()), () -> rows(about.getColumns(null, "public", "everything", "%"))};
      for (int n = 0; n < questions.length; n++) {
        attempt(n, questions[n]);
      }
    }
  }

  static void threads() throws Exception {
    ExecutorService workers = Executors.newFixedThreadPool(12);
    List<Future<Long>> results = new ArrayList<>();
    try (Connection shared = connect()) {
      for (int n = 0; n < 24; n++) {
        final int number = n;
        results.add(workers.submit(() -> {
          long sum = 0;
          try (Connection own = connect("prepareThreshold", "2")) {
            for (Connection connection : List.of(own, shared)) {
              PreparedStatement statement = connection.prepareStatement("select ?::int * ?::int");
              for (int i = 0; i < 10; i++) {
                statement.setInt(1, number);
                statement.setInt(2, i);
                ResultSet result = statement.executeQuery();
                result.next();
                sum += result.getInt(1);
              }
            }
          }
          return sum;
        }));
      }
      for (Future<Long> result : results) {
        say(result.get());
      }
    } finally {
      workers.shutdown();
    }
  }

  static void endedByTheServer() throws Exception {
    Connection connection = connect();
    attempt("end", () -> query(connection, "select pg_terminate_backend(pg_backend_pid())"));
    say(connection.isClosed(), connection.isValid(2));
    attempt("after", () -> query(connection, "select 1"));
  }

  static void largeValues() throws Exception {
    try (Connection connection = connect()) {
      PreparedStatement statement = connection.prepareStatement("select length(?::bytea), ?::text");
      for (int size : new int[] {8191, 65536, 1000000, 5000000}) {
        statement.setBytes(1, new byte[size]);
        statement.setString(2, "é".repeat(size / 2));
        say(rows(statement.executeQuery()));
      }
      PreparedStatement many = connection.prepareStatement(
          "select cardinality(array[" + String.join(", ", Collections.nCopies(32767, "?")) + "]::int[])");
      for (int n = 1; n <= 32767; n++) {
        many.setInt(n, n);
      }
      say(rows(many.executeQuery()));
    }
  }
}

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryOneTime;

/** Curator's InterProcessMutex, put through what child.mjs puts the others through: {@code <connect string> <path> <rounds> <contenders>}. */
class CuratorLocks {
  private static String server;
  private static String path;

  public static void main(String[] args) throws Exception {
    server = args[0];
    path = args[1];
    int rounds = Integer.parseInt(args[2]);
    int contenders = Integer.parseInt(args[3]);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    while (lines.readLine() != null) {
      String uncontended = uncontended(rounds);
      String sessions = contended(rounds, contenders, contenders);
      String process = contended(rounds, contenders, 1);
      System.out.printf("{\"uncontended\":%s,\"sessions\":%s,\"process\":%s}%n", uncontended, sessions, process);
    }
    System.exit(0);
  }

  private static CuratorFramework connect() throws Exception {
    CuratorFramework curator = CuratorFrameworkFactory.newClient(server, 30_000, 30_000, new RetryOneTime(100));
    curator.start();
    curator.blockUntilConnected();
    return curator;
  }

  private static String uncontended(int rounds) throws Exception {
    CuratorFramework curator = connect();
    InterProcessMutex mutex = new InterProcessMutex(curator, path);
    mutex.acquire();
    mutex.release();
    long startedAt = System.nanoTime();
    for (int round = 0; round < rounds; round++) {
      mutex.acquire();
      mutex.release();
    }
    long tookNs = System.nanoTime() - startedAt;
    curator.close();
    return "{\"wallUs\":" + tookNs / 1000.0 / rounds + "}";
  }

  /** Each contender has a thread, and every so many of them have a session. */
  private static String contended(int rounds, int contenders, int sessions) throws Exception {
    List<CuratorFramework> curators = new ArrayList<>();
    List<InterProcessMutex> mutexes = new ArrayList<>();
    for (int session = 0; session < sessions; session++) {
      curators.add(connect());
      mutexes.add(new InterProcessMutex(curators.get(session), path));
    }
    AtomicInteger granted = new AtomicInteger();
    AtomicLong releasedAt = new AtomicLong();
    long[] handOvers = new long[rounds + contenders];
    List<Thread> threads = new ArrayList<>();
    long startedAt = System.nanoTime();
    for (int contender = 0; contender < contenders; contender++) {
      InterProcessMutex mutex = mutexes.get(contender % sessions);
      Thread thread =
          new Thread(
              () -> {
                try {
                  while (granted.get() < rounds) {
                    mutex.acquire();
                    handOvers[granted.getAndIncrement()] = System.nanoTime() - releasedAt.get();
                    releasedAt.set(System.nanoTime());
                    mutex.release();
                  }
                } catch (Exception error) {
                  error.printStackTrace();
                  System.exit(1);
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) thread.join();
    double wallUs = (System.nanoTime() - startedAt) / 1000.0 / granted.get();
    for (CuratorFramework curator : curators) curator.close();
    StringBuilder text = new StringBuilder("{\"wallUs\":" + wallUs + ",\"handOverUs\":[");
    // The first was granted without a release, and the last ones without anybody behind them.
    for (int index = 1; index < rounds; index++) text.append(index == 1 ? "" : ",").append(handOvers[index] / 1000);
    return text.append("]}").toString();
  }
}

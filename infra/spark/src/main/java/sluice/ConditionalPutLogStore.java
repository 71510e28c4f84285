package sluice;

import io.delta.storage.CloseableIterator;
import io.delta.storage.HadoopFileSystemLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Delta's log on an object store that many processes commit to: a commit is one PUT with {@code If-None-Match: *}, as
 * Sluice's own commits are. Delta's own store for S3 asks whether the object is there and then writes it, so that two
 * processes can write the same version and one of the commits is lost.
 *
 * <p>Set {@code spark.delta.logStore.s3a.impl=sluice.ConditionalPutLogStore}. Needs Hadoop 3.4.2 or later (HADOOP-19256)
 * and a store that keeps the condition; Sluice probes its own for that at start.
 *
 * <p>An answer that says "taken" may mean the writer's own PUT whose answer was lost. The object is read back: it is ours
 * if it has our bytes, which hold a random transaction id.
 */
public class ConditionalPutLogStore extends HadoopFileSystemLogStore {
    private static final String CONDITION = "fs.option.create.conditional.overwrite";

    public ConditionalPutLogStore(Configuration configuration) {
        super(configuration);
    }

    @Override
    public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration configuration)
            throws IOException {
        FileSystem store = path.getFileSystem(configuration);
        byte[] bytes = bytesOf(actions);
        if (overwrite) {
            put(store.create(path, true), bytes);
            return;
        }
        try {
            put(createIfAbsent(store, path), bytes);
        } catch (IOException | RuntimeException failure) {
            if (!store.exists(path)) throw failure;
            if (Arrays.equals(read(store, path), bytes)) return;
            FileAlreadyExistsException taken = new FileAlreadyExistsException(path.toString());
            taken.initCause(failure);
            throw taken;
        }
    }

    /** A PUT shows all of an object or nothing. */
    @Override
    public Boolean isPartialWriteVisible(Path path, Configuration configuration) {
        return false;
    }

    private static void put(OutputStream stream, byte[] bytes) throws IOException {
        // The condition is checked when the stream is closed.
        try (stream) {
            stream.write(bytes);
        }
    }

    private static OutputStream createIfAbsent(FileSystem store, Path path) throws IOException {
        FSDataOutputStreamBuilder<?, ?> builder = store.createFile(path);
        builder.must(CONDITION, true);
        return builder.build();
    }

    private static byte[] read(FileSystem store, Path path) throws IOException {
        try (FSDataInputStream stream = store.open(path)) {
            return stream.readAllBytes();
        }
    }

    private static byte[] bytesOf(Iterator<String> actions) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            while (actions.hasNext()) {
                bytes.write(actions.next().getBytes(StandardCharsets.UTF_8));
                bytes.write('\n');
            }
        } finally {
            if (actions instanceof CloseableIterator<?> closeable) closeable.close();
        }
        return bytes.toByteArray();
    }
}

// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** The Storms that the topology is built for, each in a module of its own. */
enum StormVersion {
    V1("1.1.3", "storm-1.1.3", "storm-1.1.3.jar", List.of("java.lang", "java.nio", "java.util")),
    V2("2.8.3", "storm", "storm-0.1.0.jar", List.of());

    private final String number;
    private final String module;
    private final String jar;
    /** What its Kryo and Clojure look into. */
    private final List<String> opens;

    StormVersion(String number, String module, String jar, List<String> opens) {
        this.number = number;
        this.module = module;
        this.jar = jar;
        this.opens = opens;
    }

    static StormVersion of(String number) {
        return Arrays.stream(values()).filter(version -> version.number.equals(number)).findAny().orElseThrow(() -> {
            String known = Arrays.stream(values()).map(version -> version.number).collect(Collectors.joining(" or "));
            return new IllegalArgumentException("--storm " + number + " is not " + known);
        });
    }

    String number() {
        return number;
    }

    List<String> jvmOptions() {
        return opens.stream().map(name -> "--add-opens=java.base/" + name + "=ALL-UNNAMED").toList();
    }

    /** @param modules topology/ */
    String classPath(Path modules) {
        return target(modules).resolve(jar) + File.pathSeparator + target(modules).resolve("lib") + "/*";
    }

    boolean isBuilt(Path modules) {
        return Files.exists(target(modules).resolve(jar)) && Files.isDirectory(target(modules).resolve("lib"));
    }

    private Path target(Path modules) {
        return modules.resolve(module).resolve("target");
    }
}

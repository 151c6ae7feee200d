import { Module } from '@nestjs/common';
import { Authenticator } from './authenticate.js';

@Module({ providers: [Authenticator], exports: [Authenticator] })
export class AccessModule {}
